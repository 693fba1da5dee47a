"""POST /v1/api-keys/import: create keys whose secrets another system issued, so that no client has to change.

The request contains the SHA-256 of each secret and never a secret. It is a dry run unless `dry_run` is false: the
response reports for every key what would happen, and nothing changes.

The types of all fields are checked for the request as a whole. Their values are checked for each key: an invalid key is
reported, and the others are imported. A secret that the organization has already is reported as `exists`, so a repeated
request has no effect, and the way to continue after an interruption is to repeat the request. A secret of a key that
the caller cannot see, in any organization, is a `conflict`, which only the import itself reports: in a dry run it is
like an unknown one. The plan's limit is checked for all keys together before the first one is created. If other
requests take the room after that, the rest is refused, and `details.created` is the number of keys created before.

Keys are created in transactions of `_CHUNK` keys. Until its commit, each one delays other changes in the organization,
and at its end the other changes in its lane of the log. Verification takes none of these locks.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field
from msgspec.structs import replace

from app.api import examples
from app.api.api_keys.expiry import expire_overdue_keys
from app.api.api_keys.schemas import AllowedIps, ExpiresAt, Metadata, Status, status_of
from app.api.schemas import Count, Description, KeyId, Name
from app.commands.held_key import held_key
from app.commands.step_by_step import step_by_step
from app.handlers import HttpRequest, Success, encode_success, encoded_success, get_services, raw_request, success
from app.http.errors import invalid
from app.http.idempotency import REPLAYED, idempotency_key
from app.route import Route
from domain.environment import Environment
from domain.keys.commands import CreateKey
from domain.keys.decider import KEY
from domain.keys.delegation import McpEnvironments
from domain.keys.errors import KeyLimitReached
from domain.keys.events import RateLimit
from domain.keys.fields import LAST4_LENGTH_MAX, PREFIX_LENGTH_MAX
from domain.keys.permissions import Permissions
from domain.plans.plan import KeyCounts
from domain.refusal import Refusal
from domain.secret import SecretRecord, parse_digest
from eventstore.errors import ConcurrentChange, DigestTaken
from eventstore.execute import RelatedCommand
from eventstore.idempotency import StoredResponse
from infrastructure.clock import new_id, now
from infrastructure.deadline import with_deadline
from projections.read_models.keys.list.queries import overdue_active
from projections.read_models.keys.state.queries import own_keys_of_digests, taken_digests
from projections.read_models.mcps.list.queries import environments
from projections.read_models.organizations.counts.queries import key_counts, keys_guard

KEYS_MAX = 1_000
_CHUNK = 50
_UNLIMITED = KeyCounts(active=0, disabled=0, limit=None, plan="enterprise")
_DIGEST_EXPECTED = "Must be the SHA-256 of the secret: 32 bytes in hexadecimal, base64 or base64url"
_FIELD_OF_DETAIL = {"required": "permissions.manage"}
_CALLER_LACKS = "Must not contain grants that the caller lacks"
_CONFLICT = "This secret cannot be imported. Create a new key for its holder instead."


class KeyToImport(Struct, frozen=True, forbid_unknown_fields=True):
    """A key of another system."""

    name: Name
    sha256: Annotated[
        str,
        Meta(
            description="The SHA-256 of the whole secret in hexadecimal, base64 or base64url. The secret has 16 to 255 "
            "printable ASCII characters and no comma, and at least 128 random bits."
        ),
    ]
    description: Description = ""
    expires_at: ExpiresAt | None = None
    environment: (
        Annotated[Environment, Meta(description="Live or test. Default: the environment of the caller's key.")] | None
    ) = None
    permissions: Annotated[Permissions, Meta(description="The permissions of the key. Default: none.")] = Permissions()
    rate_limit: Annotated[
        RateLimit | None, Meta(description="A limit below that of the plan. Null: the plan's limit.")
    ] = None
    allowed_ips: AllowedIps = ()
    metadata: Metadata = field(default_factory=dict[str, str])
    prefix: Annotated[
        str,
        Meta(
            description="The first characters of the secret, by which people recognize it. They are shown.",
            extra_json_schema={"maxLength": PREFIX_LENGTH_MAX},
        ),
    ] = ""
    last4: Annotated[
        str,
        Meta(
            description="The last characters of the secret. They are shown.",
            extra_json_schema={"maxLength": LAST4_LENGTH_MAX},
        ),
    ] = ""


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    keys: Annotated[
        tuple[KeyToImport, ...],
        Meta(description="The keys.", extra_json_schema={"minItems": 1, "maxItems": KEYS_MAX}),
    ]
    dry_run: Annotated[bool, Meta(description="True: only report what would happen.")] = True


ImportOutcome = Annotated[
    Literal["created", "would_create", "exists", "duplicate", "conflict", "invalid"],
    Meta(
        description="`exists`: the organization has this secret already. `duplicate`: an earlier key of the request "
        "has the same secret. `conflict`: the secret cannot be imported; a dry run reports it as `would_create`. "
        "`invalid`: see `problems`."
    ),
]


class ImportedKey(Struct, frozen=True):
    """The outcome for one key of the request."""

    index: Annotated[int, Meta(ge=0, description="The position in the request, from 0.")]
    outcome: ImportOutcome
    key_id: Annotated[KeyId, Meta(description="The id of a key that was created or exists.")] | UnsetType = UNSET
    status: (
        Annotated[Status, Meta(description="The status of a key that exists. An import does not change it.")]
        | UnsetType
    ) = UNSET
    problems: Annotated[dict[str, str], Meta(description="The problem of each field, by its path.")] | UnsetType = UNSET


class ImportedKeys(Struct, frozen=True):
    """The numbers of keys by outcome, and the outcome for each key in the order of the request."""

    dry_run: bool
    created: Count
    would_create: Count
    exists: Count
    duplicate: Count
    conflict: Count
    invalid: Count
    keys: list[ImportedKey]


class _Import(Struct):
    """An import in progress: the commands that are left by index in the request, and the outcomes of all other keys."""

    commands: dict[int, CreateKey]
    outcomes: dict[int, ImportedKey]

    @property
    def created(self) -> int:
        return sum(outcome.outcome == "created" for outcome in self.outcomes.values())

    def settle(self, outcome: ImportedKey) -> None:
        self.commands.pop(outcome.index, None)
        self.outcomes[outcome.index] = outcome

    def to_imported_keys(self, *, dry_run: bool) -> ImportedKeys:
        listed = [self.outcomes[index] for index in sorted(self.outcomes)]
        counted: Counter[str] = Counter(each.outcome for each in listed)
        return ImportedKeys(
            dry_run=dry_run,
            created=counted["created"],
            would_create=counted["would_create"],
            exists=counted["exists"],
            duplicate=counted["duplicate"],
            conflict=counted["conflict"],
            invalid=counted["invalid"],
            keys=listed,
        )


@Route(
    "POST",
    "/v1/api-keys/import",
    access="keys:write",
    tag="Keys",
    summary="Import keys",
    description="Create keys with the secrets that another system issued, by their SHA-256. A dry run, unless "
    "`dry_run` is false. An invalid key is reported and the others are imported. A repeated request has no effect. If "
    "other requests reach the limit of keys in the meantime, `details.created` is the number of keys created before.",
    example=ImportedKeys(
        dry_run=False,
        created=1,
        would_create=0,
        exists=0,
        duplicate=0,
        conflict=0,
        invalid=1,
        keys=[
            ImportedKey(0, "created", key_id=examples.KEY_ID),
            ImportedKey(1, "invalid", problems={"keys[1].expires_at": "Must be a future date"}),
        ],
    ),
    body_example={
        "dry_run": False,
        "keys": [
            {
                "name": "Build server",
                "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                "permissions": {"mcps": [examples.MCP_ID]},
                "prefix": "acme_",
            }
        ],
    },
    errors=("key_limit_reached",),
    idempotent=True,
)
async def import_keys(request: HttpRequest, body: Body) -> Success[ImportedKeys]:
    if not 1 <= len(body.keys) <= KEYS_MAX:
        raise invalid(keys=f"Must have 1 to {KEYS_MAX} keys")
    idempotency = idempotency_key(raw_request(request), request.auth.id)
    if body.dry_run:
        return success(await _dry_run(request, body))
    if idempotency is None:
        return success(await _import(request, body))
    async with held_key(request, idempotency) as key:
        if key.earlier is not None:
            return encoded_success(key.earlier.body, status=key.earlier.status, headers=REPLAYED)
        imported = await _import(request, body)
        response = StoredResponse(200, encode_success(imported))
        with step_by_step(lambda: imported.created):
            await key.store(response)
        return encoded_success(response.body)


async def _dry_run(request: HttpRequest, body: Body) -> ImportedKeys:
    services, organization_id = get_services(request), request.auth.organization_id
    work = await _planned(request, body)
    # Conflicts are not looked up. Otherwise a dry run would tell, without a trace, which secrets other keys have.
    await _settle_own(request, work)
    async with services.read_transaction(organization_id) as connection:
        counts = await key_counts(connection, organization_id, services.plans)
        overdue = await overdue_active(connection, organization_id, now())
    _require_room(replace(counts, active=counts.active - overdue), len(work.commands))
    for index in sorted(work.commands):
        work.settle(ImportedKey(index, "would_create"))
    return work.to_imported_keys(dry_run=True)


async def _import(request: HttpRequest, body: Body) -> ImportedKeys:
    work = await _planned(request, body)
    with step_by_step(lambda: work.created):
        await _settle_taken(request, work)
        while chunk := _next_chunk(work.commands):
            try:
                await _create(request, work, chunk)
            except KeyLimitReached as error:
                raise KeyLimitReached(**error.details, created=work.created) from error
    return work.to_imported_keys(dry_run=False)


async def _planned(request: HttpRequest, body: Body) -> _Import:
    """Return the import with the outcomes that the request alone decides: `invalid` and `duplicate`."""
    caller, at = request.auth, now()
    async with get_services(request).read_transaction(caller.organization_id) as connection:
        known_mcps = await environments(connection, caller.organization_id)
    work, seen = _Import({}, {}), set[str]()
    # Keys of one instant are listed in the order of their ids.
    ids = sorted(new_id("key") for _ in body.keys)
    for index, (key_id, key) in enumerate(zip(ids, body.keys, strict=True)):
        digest = parse_digest(key.sha256)
        command = _command(request, key_id, key, digest, at, known_mcps)
        problems = _problems_of(command, index)
        if digest is None:
            problems[f"keys[{index}].sha256"] = _DIGEST_EXPECTED
        if problems:
            work.settle(ImportedKey(index, "invalid", problems=problems))
        elif command.secret.digest in seen:
            work.settle(ImportedKey(index, "duplicate"))
        else:
            seen.add(command.secret.digest)
            work.commands[index] = command
    return work


def _command(
    request: HttpRequest, key_id: str, key: KeyToImport, digest: bytes | None, at: datetime, known_mcps: McpEnvironments
) -> CreateKey:
    caller = request.auth
    return CreateKey(
        key_id=key_id,
        organization_id=caller.organization_id,
        name=key.name,
        environment=key.environment or caller.default_environment,
        permissions=key.permissions,
        secret=SecretRecord("" if digest is None else digest.hex(), key.prefix, key.last4),
        at=at,
        by=caller.actor,
        authority=caller.authority,
        counts=_UNLIMITED,
        known_mcps=known_mcps,
        description=key.description,
        expires_at=key.expires_at,
        rate_limit=key.rate_limit,
        allowed_ips=key.allowed_ips,
        metadata=key.metadata,
        imported=True,
    )


def _problems_of(command: CreateKey, index: int) -> dict[str, str]:
    """Return why the command would be refused, by the path of each field."""
    try:
        KEY.decide(None, command)
    except Refusal as refusal:
        if refusal.code == "validation_error":
            return {f"keys[{index}].{name}": str(problem) for name, problem in refusal.details.items()}
        return {
            f"keys[{index}].{_FIELD_OF_DETAIL.get(name, name)}": _not_granted(name, problem)
            for name, problem in refusal.details.items()
        }
    return {}


def _not_granted(name: str, problem: object) -> str:
    """Return a detail of `ExceedsAuthority` as the problem of a field."""
    return _CALLER_LACKS if name == "required" else str(problem)


async def _settle_own(request: HttpRequest, work: _Import) -> None:
    """Settle the keys whose secrets belong to a key that the caller knows: `exists`."""
    services, caller = get_services(request), request.auth
    digests = {bytes.fromhex(command.secret.digest): index for index, command in work.commands.items()}
    async with services.read_transaction(caller.organization_id) as connection:
        own = await own_keys_of_digests(connection, list(digests), caller.organization_id)
    for digest, state in own.items():
        # The caller has seen the ids of the keys that it created, even if it cannot see them in the list of keys.
        if caller.visible_keys.includes(state.key) or state.key.created_by == caller.actor:
            status = status_of(state, now())
            work.settle(ImportedKey(digests[digest], "exists", key_id=state.key.id, status=status))


async def _settle_taken(request: HttpRequest, work: _Import) -> None:
    """Settle the keys whose secrets belong to a key: `exists` if the caller knows it, otherwise `conflict`."""
    digests = [bytes.fromhex(command.secret.digest) for command in work.commands.values()]
    async with get_services(request).credential_lookup() as connection:
        taken = {digest.hex() for digest in await taken_digests(connection, digests)}
    await _settle_own(request, work)
    for index in [index for index, command in work.commands.items() if command.secret.digest in taken]:
        work.settle(ImportedKey(index, "conflict", problems={f"keys[{index}].sha256": _CONFLICT}))


def _next_chunk(commands: Mapping[int, CreateKey]) -> dict[int, CreateKey]:
    """Return the first commands in the order of their digests.

    Two imports of the same secrets insert them in this order, so one waits for the other without a deadlock.
    """
    chunk = sorted(commands)[:_CHUNK]
    return {index: commands[index] for index in sorted(chunk, key=lambda index: commands[index].secret.digest)}


async def _create(request: HttpRequest, work: _Import, chunk: Mapping[int, CreateKey]) -> None:
    """Create the keys of a chunk. If a concurrent request took one of the secrets, only settle those that are taken."""
    services, organization_id = get_services(request), request.auth.organization_id
    try:
        await _run(request, list(chunk.values()), len(work.commands))
    except DigestTaken as error:
        before = len(work.commands)
        await _settle_taken(request, work)
        if len(work.commands) == before:
            # The other transaction was rolled back, or its key is not visible yet.
            raise ConcurrentChange from error
        return
    except KeyLimitReached:
        # Keys that have expired still count until their expiry is recorded, as in the creation of a single key.
        expiring = expire_overdue_keys(services, organization_id)
        if not await with_deadline(2 * services.config.request_timeout_seconds, expiring):
            raise
        return
    for index, command in chunk.items():
        work.settle(ImportedKey(index, "created", key_id=command.key_id))


async def _run(request: HttpRequest, commands: Sequence[CreateKey], remaining: int) -> None:
    """Create all keys or none, if the plan has room for the `remaining` keys of the request."""
    services, caller = get_services(request), request.auth
    *others, last = commands

    def related(counts: KeyCounts) -> list[RelatedCommand[Any, Any, Any]]:
        _require_room(counts, remaining)
        return [RelatedCommand(KEY, command.key_id, command) for command in others]

    await services.commands.run(
        KEY,
        last.key_id,
        caller.organization_id,
        lambda _: last,
        origin=caller.origin(raw_request(request)),
        at=last.at,
        guard=keys_guard(caller.organization_id, services.plans),
        requires_unchanged=caller.version_precondition,
        related_commands=related,
    )


def _require_room(counts: KeyCounts, keys: int) -> None:
    if counts.limit is not None and counts.used + keys > counts.limit:
        raise KeyLimitReached(limit=counts.limit, used=counts.used, plan=counts.plan)
