"""POST /v1/leaks/github: accept the keys that GitHub's secret scanning has found in public.

GitHub signs the raw body; see `infrastructure/github_keys.py`. Nothing else authorizes the request. For each match, the
response says whether it is a key of this installation, which GitHub calls a true or false positive. It names the match
by its SHA-256 in hexadecimal, so that the secret is not repeated. GitHub's documentation of the body and the response:
https://docs.github.com/en/code-security/secret-scanning/secret-scanning-partner-program

The route bypasses the framework, because a page of another site cannot sign a request, and the body is an array.
"""

import asyncio
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Annotated, Literal, NamedTuple

import msgspec
import structlog
from msgspec import Meta, Struct

from app.api.leaks.report import act_on
from app.http.decoding import refuse_parameters
from app.http.errors import Problem
from app.http.messages import RawRequest, RawResponse
from app.route import Route
from app.services import Services
from domain.secret import parse
from infrastructure.database.errors import Unavailable
from projections.read_models.keys.state.queries import FoundKey, keys_by_digests

SECONDS = 20
"""GitHub waits for 30 seconds. Matches for which no time is left are answered with 503, and can be sent again."""

_CONCURRENT_MAX = 4
"""Other requests need connections too. Matches of one organization wait for each other anyway."""

_TYPE_LENGTH_MAX = 200

_log = structlog.get_logger(__name__)


class LeakedSecret(Struct, frozen=True):
    """A match. GitHub may add fields to it, so unknown fields are ignored."""

    token: Annotated[str, Meta(description="The text that was found.", extra_json_schema={"format": "password"})]
    type: Annotated[str, Meta(description="The name of the pattern, as agreed with GitHub.")] = ""
    url: Annotated[str | None, Meta(description="The public address. May be empty.")] = None
    source: Annotated[str | None, Meta(description="The kind of the place, such as `commit`.")] = None


class LeakedSecretLabel(Struct, frozen=True):
    """The label of a match. A true positive is, or was, the secret of a key of this installation."""

    token_hash: Annotated[str, Meta(description="The SHA-256 of `token` in hexadecimal.")]
    token_type: str
    label: Literal["true_positive", "false_positive"]


_matches = msgspec.json.Decoder(list[msgspec.Raw])
_match = msgspec.json.Decoder(LeakedSecret)


class _Leak(NamedTuple):
    """A match with the digest of its secret. The secret itself is not kept."""

    token_hash: str
    token_type: str
    digest: bytes | None
    url: str
    place: str


@Route(
    "POST",
    "/v1/leaks/github",
    access="anyone",
    tag="Leaked keys",
    summary="Report keys that GitHub has found",
    description="For the secret scanning of GitHub, whose signature over the body is in the headers "
    "`Github-Public-Key-Identifier` and `Github-Public-Key-Signature`. Each key that still works is disabled or "
    "revoked, as the setting `leaked_keys` of its organization says, and an alert `api_key.leaked` is raised. The same "
    "match may be reported again. 404 if the server has no public keys of GitHub, 403 if none of them signed the body.",
    body_example=(
        {
            "token": "pk_live_…",
            "type": "keyledger_api_key",
            "url": "https://github.com/octocat/hello-world/blob/12345600b9cbe38a219f39a9941c9319b600c002/.env",
            "source": "content",
        },
    ),
    example=[
        LeakedSecretLabel(
            token_hash="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",  # noqa: S106 -- of "test"
            token_type="keyledger_api_key",  # noqa: S106 -- the name of a pattern
            label="true_positive",
        )
    ],
    errors=("forbidden", "not_found"),
    is_enveloped=False,
    direct=True,
    body_items=LeakedSecret,
    response=list[LeakedSecretLabel],
)
async def report_github_leaks(inbound: RawRequest, services: Services) -> RawResponse:
    keys = services.github_keys
    if keys is None:
        raise Problem("not_found", "This server accepts no reports of GitHub: it has none of GitHub's public keys.")
    key_identifier = inbound.header("github-public-key-identifier") or ""
    signature = inbound.header("github-public-key-signature") or ""
    if not keys.signed(inbound.body, key_identifier, signature):
        # One answer for every reason: the sender learns nothing about the keys of the server.
        raise Problem("forbidden", "The body is not signed by a public key of GitHub that this server knows.")
    refuse_parameters(inbound.query)
    leaks = _leaks(inbound.body)
    known = await _known(services, leaks)
    await _act(services, inbound, leaks, known)
    return RawResponse(200, msgspec.json.encode([_label(leak, known) for leak in leaks]))


def _leaks(body: bytes) -> list[_Leak]:
    """Return the matches, without those that have not the form of one: they must not prevent the others."""
    try:
        written = _matches.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Problem("invalid_request", "The body must be a JSON array of matches.") from None
    leaks: list[_Leak] = []
    for each in written:
        try:
            leaks.append(_leak(_match.decode(each)))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            continue
    if len(leaks) < len(written):
        _log.warning("github_matches_unreadable", matches=len(written) - len(leaks))
    return leaks


def _leak(match: LeakedSecret) -> _Leak:
    token_hash = sha256(match.token.encode())
    return _Leak(
        token_hash=token_hash.hexdigest(),
        token_type=match.type[:_TYPE_LENGTH_MAX],
        digest=None if parse(match.token) is None else token_hash.digest(),
        url=match.url or "",
        place=match.source or "",
    )


async def _known(services: Services, leaks: Sequence[_Leak]) -> Mapping[bytes, FoundKey]:
    digests = list({leak.digest for leak in leaks if leak.digest is not None})
    if not digests:
        return {}
    async with services.credential_lookup() as connection:
        return await keys_by_digests(connection, digests)


async def _act(
    services: Services, inbound: RawRequest, leaks: Sequence[_Leak], known: Mapping[bytes, FoundKey]
) -> None:
    """Act on every match of a known key. A match that fails does not prevent the others.

    Raise `Unavailable` if one has failed: everything may be sent again, because what is done is not repeated.
    """
    slots = asyncio.Semaphore(_CONCURRENT_MAX)
    until = asyncio.get_running_loop().time() + SECONDS
    wanted = {(leak.digest, leak.url): leak for leak in leaks if leak.digest in known}

    async def act(found: FoundKey, leak: _Leak) -> bool:
        key = found.state.key
        async with slots:
            try:
                if asyncio.get_running_loop().time() > until:
                    raise Unavailable  # noqa: TRY301 -- handled like any other failure
                await act_on(services, inbound, found, url=leak.url, place=leak.place)
            except Exception as error:  # noqa: BLE001 -- it must not prevent the others
                # The operator can stop the key if GitHub does not report it again.
                _log.error("leaked_key_failed", organization_id=key.organization_id, key_id=key.id, exc_info=error)
                return False
        return True

    done = await asyncio.gather(*[act(known[digest], leak) for (digest, _), leak in wanted.items() if digest])
    if not all(done):
        raise Unavailable


def _label(leak: _Leak, known: Mapping[bytes, FoundKey]) -> LeakedSecretLabel:
    return LeakedSecretLabel(
        leak.token_hash, leak.token_type, "true_positive" if leak.digest in known else "false_positive"
    )
