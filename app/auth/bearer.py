"""Detection of the API key in a request: `Authorization: Bearer …` (RFC 6750) or `X-API-Key: …`.

A proxy or a browser may put its own credential into one of the two headers. If one header contains a key of this
service, all other values are ignored. Otherwise a value may be the foreign secret of an imported key, and `X-API-Key`
counts before `Authorization`. If both headers contain one, only the look-up shows whether both belong to keys.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, NoReturn

from app.http.errors import different_keys, unauthorized
from domain.secret import ForeignSecret, Secret, looks_like_key, parse, parse_foreign

Headers = Mapping[bytes, bytes]


class PresentedSecret(NamedTuple):
    """The secret of a request. `other`: a different foreign secret in `Authorization`, often of a proxy."""

    secret: Secret
    other: Secret | None = None


def presented_secret(headers: Headers) -> PresentedSecret:
    """Return the secret in the headers: a well-formed one, or a foreign one if there is no other.

    Raise 401 if none was sent, if none can be a secret, or if several different ones were sent.
    """
    tokens, own = _texts(bearer_tokens(headers)), _texts(_own_header(headers))
    native = _only(parse, (*tokens, *own))
    if native is not None:
        return PresentedSecret(native)
    foreign, other = _only(parse_foreign, own), _only(parse_foreign, tokens)
    if foreign is None:
        return PresentedSecret(other or _no_secret(presented=bool(tokens or own)))
    return PresentedSecret(foreign, None if other is None or other.reveal() == foreign.reveal() else other)


def is_foreign(secret: Secret) -> bool:
    return isinstance(secret, ForeignSecret)


def _texts(values: Iterable[bytes]) -> list[str]:
    return [value.decode("latin-1") for value in values]


def _only(read: Callable[[str], Secret | None], texts: Iterable[str]) -> Secret | None:
    """Return the secret that `read` finds in the texts, or None if it finds none. Raise 401 for different ones."""
    secrets = {text: secret for text in texts if (secret := read(text)) is not None}
    if len(secrets) > 1:
        raise different_keys()
    return next(iter(secrets.values()), None)


def _no_secret(*, presented: bool) -> NoReturn:
    raise unauthorized("unauthorized", presented=presented)


def presents_key(headers: Headers) -> bool:
    """Return whether the caller tries to authenticate with a key, even with an invalid one.

    `X-API-Key` is specific to this service. `Authorization` counts only if it contains something similar to a key of
    this service; otherwise a proxy in front of the service has set it for its own purposes. A foreign secret in
    `Authorization` therefore authenticates only requests without a session cookie.
    """
    sent = [headers.get(b"authorization", b""), *bearer_tokens(headers)]
    return bool(_own_header(headers)) or any(looks_like_key(text.decode("latin-1")) for text in sent)


def bearer_tokens(headers: Headers) -> list[bytes]:
    """Return the bearer tokens in `Authorization`, which proxies may repeat or join with commas."""
    parts = [credential.split(None, 1) for credential in headers.get(b"authorization", b"").split(b",")]
    return [part[1].rstrip() for part in parts if len(part) == 2 and part[0].lower() == b"bearer"]  # noqa: PLR2004


def _own_header(headers: Headers) -> list[bytes]:
    return [text for part in headers.get(b"x-api-key", b"").split(b",") if (text := part.strip())]
