"""POST /v1/api-keys/revoke: revoke many keys permanently, for example during an incident.

The request is a dry run unless `dry_run` is false: the response lists the keys that would be revoked, and nothing
changes. A key matches if every given selector matches it and it is not revoked yet. `mcp_id` selects the same keys as
in the list of keys, including keys for all MCPs of the MCP's environment. A selector that names an unknown resource is
refused. `matched` and `revoked` count all keys; `keys` contains the first 1,000 in their state after the request.

Each key is revoked in a separate transaction. An interruption leaves the oldest keys revoked, and a repeated request
revokes the rest. The calling key matches only with `include_caller`; otherwise `caller_excluded` reports that the
selectors match it. The calling key is revoked last. If it is the only active key left, it is counted in `matched` but
not revoked.
"""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, structs

from app.api import examples
from app.api.api_keys.expiry import unexpired_key_counts
from app.api.api_keys.schemas import KEY_EXAMPLE, Last4, Prefix, Reason, status_of
from app.api.api_keys.selectors import mcp_of, unknown_creator, unknown_keys
from app.api.api_keys.visibility import restrict_to_visible
from app.api.schemas import Count, KeyId, Time, id_pattern
from app.commands.held_key import held_key
from app.commands.step_by_step import step_by_step
from app.handlers import HttpRequest, Success, encode_success, encoded_success, get_services, raw_request, success
from app.http.decoding import Instant
from app.http.errors import invalid
from app.http.idempotency import REPLAYED, idempotency_key
from app.route import Route
from domain.ids import is_id
from domain.keys.commands import RevokeKey
from domain.keys.decider import KEY
from domain.keys.errors import LastActiveKey
from domain.keys.state import Existing
from domain.plans.plan import KeyCounts
from eventstore.idempotency import StoredResponse
from infrastructure.clock import now
from projections.read_models.keys.list.filters import Filters, Status
from projections.read_models.keys.list.page import Position, page, total
from projections.read_models.keys.list.queries import keys_there
from projections.read_models.keys.list.search import exact_total
from projections.read_models.keys.state.queries import decode
from projections.read_models.organizations.counts.queries import keys_guard
from projections.read_models.usage.queries import usage_of

IDS_MAX = 10_000
KEYS_SHOWN_MAX = 1_000
CLOCK_TOLERANCE = timedelta(minutes=5)
"""Maximum lead of a client's clock: a `created_before` further in the future is treated as a mistake."""
_PAGE = 500


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    """Selectors of a bulk revocation. None of them accepts null, which could otherwise be read as "all keys"."""

    reason: Reason
    ids: (
        Annotated[
            tuple[Annotated[str, Meta(extra_json_schema={"pattern": id_pattern("key")})], ...],
            Meta(description="Only these keys.", extra_json_schema={"minItems": 1, "maxItems": IDS_MAX}),
        ]
        | UnsetType
    ) = UNSET
    created_by: (
        Annotated[
            str,
            Meta(
                description="Keys that this user or key created.",
                extra_json_schema={"pattern": id_pattern("(user|key)")},
            ),
        ]
        | UnsetType
    ) = UNSET
    mcp_id: (
        Annotated[
            str,
            Meta(
                description="Keys that reach this MCP server, including keys for all MCP servers of its environment.",
                extra_json_schema={"pattern": id_pattern("mcp")},
            ),
        ]
        | UnsetType
    ) = UNSET
    created_before: (
        Annotated[Instant, Meta(description="Keys created before this time, which cannot be in the future.")]
        | UnsetType
    ) = UNSET
    dry_run: Annotated[bool, Meta(description="True: only return the keys that would be revoked.")] = True
    include_caller: Annotated[
        bool, Meta(description="True: revoke the calling key too, if the selectors match it.")
    ] = False

    def refuse_malformed(self, at: datetime) -> None:
        """Raise 422 if nothing is selected or a selector is malformed."""
        details: dict[str, str] = {}
        if self.ids is UNSET and self.created_by is UNSET and self.mcp_id is UNSET and self.created_before is UNSET:
            details["ids"] = "Required: ids, or one of created_by, mcp_id, created_before"
        if self.ids is not UNSET and not 1 <= len(self.ids) <= IDS_MAX:
            details["ids"] = f"Must have 1 to {IDS_MAX} ids"
        elif self.ids is not UNSET and not all(is_id("key", key_id) for key_id in self.ids):
            details["ids"] = "Must be ids of keys, such as key_… with 26 characters"
        if self.created_by is not UNSET and not (is_id("user", self.created_by) or is_id("key", self.created_by)):
            details["created_by"] = "Must be the id of a user or a key, such as user_… with 26 characters"
        if self.mcp_id is not UNSET and not is_id("mcp", self.mcp_id):
            details["mcp_id"] = "Must be the id of an MCP, such as mcp_… with 26 characters"
        if self.created_before is not UNSET and self.created_before > at + CLOCK_TOLERANCE:
            details["created_before"] = "Must not be in the future: that would select every key"
        if details:
            raise invalid(details)


class BriefKey(Struct, frozen=True):
    """One of many keys."""

    id: KeyId
    name: str
    prefix: Prefix
    last4: Last4
    status: Status
    last_used: (
        Annotated[Time | None, Meta(description="The last accepted use. Only in the response to a dry run.")]
        | UnsetType
    ) = UNSET


class RevokedKeys(Struct, frozen=True):
    """`keys` contains the first 1,000 matching keys in their current state.

    `caller_excluded`: the selectors match the calling key, which was left out because `include_caller` is false.
    """

    matched: Count
    revoked: Count
    caller_excluded: bool
    keys: list[BriefKey]
    already_revoked: (
        Annotated[
            int,
            Meta(
                ge=0,
                description="The number of keys that the selectors match and that are revoked already. Only in the "
                "response to a dry run.",
            ),
        ]
        | UnsetType
    ) = UNSET


class _Progress(Struct):
    """The parts of the response, filled in as keys are revoked."""

    caller_excluded: bool
    matched: int = 0
    revoked: int = 0
    keys: list[BriefKey] = msgspec.field(default_factory=list[BriefKey])

    def show(self, key: BriefKey) -> None:
        if len(self.keys) < KEYS_SHOWN_MAX:
            self.keys.append(key)

    def to_revoked_keys(self) -> RevokedKeys:
        return RevokedKeys(self.matched, self.revoked, self.caller_excluded, self.keys)


@Route(
    "POST",
    "/v1/api-keys/revoke",
    access="keys:write",
    tag="Keys",
    summary="Revoke many keys",
    description="A dry run, unless `dry_run` is false. A key matches if it matches every given selector; at least one "
    "selector is required. A selector that names an unknown resource is refused with 422. The calling key is left out "
    "unless `include_caller` is true.",
    example=RevokedKeys(
        matched=1,
        revoked=1,
        caller_excluded=False,
        keys=[BriefKey(KEY_EXAMPLE.id, KEY_EXAMPLE.name, KEY_EXAMPLE.prefix, KEY_EXAMPLE.last4, "revoked")],
    ),
    body_example={"created_by": examples.USER_ID, "reason": "compromised", "dry_run": False},
    body_schema={"anyOf": [{"required": [selector]} for selector in ("ids", "created_by", "mcp_id", "created_before")]},
    idempotent=True,
)
async def revoke_keys(request: HttpRequest, body: Body) -> Success[RevokedKeys]:
    body.refuse_malformed(now())
    idempotency = idempotency_key(raw_request(request), request.auth.id)
    if body.dry_run:
        return success(await _matching(request, body))
    if idempotency is None:
        return success(await _revoke_all(request, body))
    async with held_key(request, idempotency) as key:
        if key.earlier is not None:
            content = await _without_hidden_keys(request, key.earlier.body)
            return encoded_success(content, status=key.earlier.status, headers=REPLAYED)
        revoked = await _revoke_all(request, body)
        response = StoredResponse(200, encode_success(revoked))
        with step_by_step(lambda: revoked.revoked):
            await key.store(response)
        return encoded_success(response.body)


async def _filters(request: HttpRequest, body: Body) -> Filters:
    """Return filters for the selected keys, including the calling key. Raise 422 for an unknown resource."""
    organization_id = request.auth.organization_id
    seen = request.auth.visible_keys.created_by
    details: dict[str, str | None] = {}
    mcp = None
    async with get_services(request).read_transaction(organization_id) as connection:
        if body.ids is not UNSET:
            details["ids"] = await unknown_keys(connection, body.ids, organization_id, created_by=seen)
        if body.created_by is not UNSET:
            details["created_by"] = await unknown_creator(connection, body.created_by, organization_id, created_by=seen)
        if body.mcp_id is not UNSET:
            mcp = await mcp_of(connection, body.mcp_id, organization_id)
            details["mcp_id"] = "No such MCP in this organization. Send the id of an existing one."
            if mcp is not None:
                details["mcp_id"] = None
    problems = {field: problem for field, problem in details.items() if problem is not None}
    if problems:
        raise invalid(problems)
    filters = Filters(
        organization_id=organization_id,
        mcp=mcp,
        created_by=None if body.created_by is UNSET else body.created_by,
        ids=None if body.ids is UNSET else body.ids,
        created_before=None if body.created_before is UNSET else body.created_before,
        unrevoked=True,
    )
    return restrict_to_visible(request.auth, filters)


async def _without_caller(request: HttpRequest, body: Body) -> tuple[Filters, bool]:
    """Return filters without the calling key, and whether the selectors match the calling key."""
    filters = await _filters(request, body)
    caller_id = request.auth.id
    if body.include_caller:
        return filters, False
    if filters.ids is not None and caller_id not in filters.ids:
        return filters, False
    async with get_services(request).read_transaction(filters.organization_id) as connection:
        fits = await total(connection, structs.replace(filters, ids=(caller_id,)), now())
    return structs.replace(filters, without_id=caller_id), bool(fits)


async def _matching(request: HttpRequest, body: Body) -> RevokedKeys:
    filters, caller_excluded = await _without_caller(request, body)
    at = now()
    async with get_services(request).read_transaction(filters.organization_id) as connection:
        listed = await page(connection, filters, at, sort="created_at", order="asc", limit=KEYS_SHOWN_MAX)
        count = await exact_total(connection, filters, at)
        already_revoked = await exact_total(connection, structs.replace(filters, status="revoked"), at)
        states = [decode(item.state) for item in listed]
        usage = await usage_of(connection, [state.key.id for state in states], at)
    keys = [
        structs.replace(_to_brief_key(state, status_of(state, at)), last_used=usage[state.key.id].last_used)
        for state in states
    ]
    return RevokedKeys(count, 0, caller_excluded, keys, already_revoked)


async def _revoke_all(request: HttpRequest, body: Body) -> RevokedKeys:
    filters, caller_excluded = await _without_caller(request, body)
    progress = _Progress(caller_excluded)
    with step_by_step(lambda: progress.revoked):
        await _revoke_each(request, body, filters, progress)
    return progress.to_revoked_keys()


async def _revoke_each(request: HttpRequest, body: Body, filters: Filters, progress: _Progress) -> None:
    caller_key: Existing | None = None
    async for state in _unrevoked(request, filters):
        progress.matched += 1
        if state.key.id == request.auth.id:
            caller_key = state
            continue
        progress.revoked += await _revoke(request, body, state.key.id)
        progress.show(_to_brief_key(state, "revoked"))
    if caller_key is not None:
        try:
            progress.revoked += await _revoke(request, body, caller_key.key.id)
        except LastActiveKey:
            progress.show(_to_brief_key(caller_key, status_of(caller_key, now())))
        else:
            progress.show(_to_brief_key(caller_key, "revoked"))


async def _unrevoked(request: HttpRequest, filters: Filters) -> AsyncIterator[Existing]:
    """Yield the matching keys, oldest first, holding one page in memory at a time."""
    after: Position | None = None
    while True:
        async with get_services(request).read_transaction(filters.organization_id) as connection:
            listed = await page(connection, filters, now(), sort="created_at", order="asc", limit=_PAGE, after=after)
        for item in listed:
            state = decode(item.state)
            after = Position(item.value, state.key.id)
            yield state
        if len(listed) < _PAGE:
            return


async def _revoke(request: HttpRequest, body: Body, key_id: str) -> bool:
    """Return whether this request revoked the key, as opposed to a concurrent one."""
    auth = request.auth
    services = get_services(request)
    at = now()

    def command(counts: KeyCounts) -> RevokeKey:
        return RevokeKey(at=at, by=auth.actor, counts=counts, reason=body.reason)

    change = await services.commands.run(
        KEY,
        key_id,
        auth.organization_id,
        command,
        origin=auth.origin(raw_request(request)),
        at=at,
        # Only the decision on the caller's own key depends on the counts. All other keys take the same lock for lock
        # order.
        guard=unexpired_key_counts(auth.organization_id, services.plans, at)
        if key_id == auth.id
        else keys_guard(auth.organization_id, services.plans),
        requires_unchanged=auth.version_precondition,
    )
    return bool(change.events)


def _to_brief_key(state: Existing, status: Status) -> BriefKey:
    secret = state.key.current_secret
    return BriefKey(state.key.id, state.key.name, secret.prefix, secret.last4, status)


async def _without_hidden_keys(request: HttpRequest, body: bytes) -> bytes:
    """Return a stored response without the keys that the caller cannot see now. The caller's role may have changed."""
    organization_id, seen = request.auth.organization_id, request.auth.visible_keys.created_by
    if seen is None:
        return body
    result = msgspec.convert(msgspec.json.decode(body)["data"], RevokedKeys)
    async with get_services(request).read_transaction(organization_id) as connection:
        visible = await keys_there(connection, organization_id, [key.id for key in result.keys], seen)
    return encode_success(structs.replace(result, keys=[key for key in result.keys if key.id in visible]))
