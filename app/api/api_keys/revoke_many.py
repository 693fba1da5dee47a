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
from typing import Any

import msgspec
from litestar import post
from msgspec import UNSET, Struct, UnsetType, structs

from app.api.api_keys.expiry import unexpired_key_counts
from app.api.api_keys.schemas import status_of
from app.api.api_keys.selectors import mcp_of, unknown_creator, unknown_keys
from app.api.api_keys.visibility import restrict_to_visible
from app.commands.held_key import held_key
from app.commands.replies import respond
from app.commands.step_by_step import step_by_step
from app.handlers import Empty, HttpRequest, HttpResponse, get_services, parse_body, parse_query, raw_request
from app.http.decoding import Instant
from app.http.errors import invalid
from app.http.idempotency import idempotency_key
from domain.ids import is_id
from domain.keys.commands import RevokeKey
from domain.keys.decider import KEY
from domain.keys.errors import LastActiveKey
from domain.keys.events import RevocationReason
from domain.keys.state import Existing
from domain.plans.plan import KeyCounts
from eventstore.idempotency import StoredResponse
from infrastructure.clock import now
from projections.read_models.keys.list.filters import Filters
from projections.read_models.keys.list.page import page, total
from projections.read_models.keys.list.queries import keys_there
from projections.read_models.keys.state.queries import decode
from projections.read_models.organizations.counts.queries import keys_guard

IDS_MAX = 10_000
KEYS_SHOWN_MAX = 1_000
CLOCK_TOLERANCE = timedelta(minutes=5)
"""Maximum lead of a client's clock: a `created_before` further in the future is treated as a mistake."""
_PAGE = 500


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    """Selectors of a bulk revocation. None of them accepts null, which could otherwise be read as "all keys"."""

    reason: RevocationReason
    ids: tuple[str, ...] | UnsetType = UNSET
    created_by: str | UnsetType = UNSET
    mcp_id: str | UnsetType = UNSET
    created_before: Instant | UnsetType = UNSET
    dry_run: bool = True
    include_caller: bool = False

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


class Revoked(Struct):
    """The response, filled in as keys are revoked."""

    matched: int = 0
    revoked: int = 0
    caller_excluded: bool = False
    keys: list[dict[str, Any]] = msgspec.field(default_factory=list[dict[str, Any]])

    def show(self, key: dict[str, Any]) -> None:
        if len(self.keys) < KEYS_SHOWN_MAX:
            self.keys.append(key)


@post("/v1/api-keys/revoke", access="keys:write", status_code=200)
async def revoke_keys(request: HttpRequest) -> HttpResponse:
    parse_query(request, Empty)
    body = parse_body(request, Body)
    body.refuse_malformed(now())
    idempotency = idempotency_key(raw_request(request), request.auth.id)
    if body.dry_run:
        return respond(_rendered(await _matching(request, body)), 200, None)
    if idempotency is None:
        return respond(_rendered(await _revoke_all(request, body)), 200, None)
    async with held_key(request, idempotency) as key:
        if key.earlier is not None:
            return respond(
                await _without_hidden_keys(request, key.earlier.body), key.earlier.status, None, replayed=True
            )
        revoked = await _revoke_all(request, body)
        response = StoredResponse(200, _rendered(revoked))
        with step_by_step(lambda: revoked.revoked):
            await key.store(response)
        return respond(response.body, response.status, None)


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


async def _matching(request: HttpRequest, body: Body) -> Revoked:
    filters, caller_excluded = await _without_caller(request, body)
    at = now()
    async with get_services(request).read_transaction(filters.organization_id) as connection:
        listed = await page(connection, filters, at, sort="created_at", order="asc", limit=KEYS_SHOWN_MAX)
        count = await total(connection, filters, at)
    states = [decode(item.state) for item in listed]
    return Revoked(count, 0, caller_excluded, [_shown(state, status_of(state, at)) for state in states])


async def _revoke_all(request: HttpRequest, body: Body) -> Revoked:
    filters, caller_excluded = await _without_caller(request, body)
    result = Revoked(caller_excluded=caller_excluded)
    with step_by_step(lambda: result.revoked):
        await _revoke_each(request, body, filters, result)
    return result


async def _revoke_each(request: HttpRequest, body: Body, filters: Filters, result: Revoked) -> None:
    caller_key: Existing | None = None
    async for state in _unrevoked(request, filters):
        result.matched += 1
        if state.key.id == request.auth.id:
            caller_key = state
            continue
        result.revoked += await _revoke(request, body, state.key.id)
        result.show(_shown(state, "revoked"))
    if caller_key is not None:
        try:
            result.revoked += await _revoke(request, body, caller_key.key.id)
        except LastActiveKey:
            result.show(_shown(caller_key, status_of(caller_key, now())))
        else:
            result.show(_shown(caller_key, "revoked"))


async def _unrevoked(request: HttpRequest, filters: Filters) -> AsyncIterator[Existing]:
    """Yield the matching keys, oldest first, holding one page in memory at a time."""
    after: tuple[str, str] | None = None
    while True:
        async with get_services(request).read_transaction(filters.organization_id) as connection:
            listed = await page(connection, filters, now(), sort="created_at", order="asc", limit=_PAGE, after=after)
        for item in listed:
            state = decode(item.state)
            after = (item.value, state.key.id)
            yield state
        if len(listed) < _PAGE:
            return


async def _revoke(request: HttpRequest, body: Body, key_id: str) -> bool:
    """Return whether this request revoked the key, as opposed to a concurrent one."""
    auth = request.auth
    services = get_services(request)
    at = now()

    def command(census: KeyCounts) -> RevokeKey:
        return RevokeKey(at=at, by=auth.actor, census=census, reason=body.reason)

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


def _shown(state: Existing, status: str) -> dict[str, Any]:
    secret = state.key.current_secret
    return {
        "id": state.key.id,
        "name": state.key.name,
        "prefix": secret.prefix,
        "last4": secret.last4,
        "status": status,
    }


def _rendered(result: Revoked) -> bytes:
    return msgspec.json.encode({"success": True, "data": result})


async def _without_hidden_keys(request: HttpRequest, body: bytes) -> bytes:
    """Return a stored response without the keys that the caller cannot see now. The caller's role may have changed."""
    organization_id, seen = request.auth.organization_id, request.auth.visible_keys.created_by
    if seen is None:
        return body
    result = msgspec.convert(msgspec.json.decode(body)["data"], Revoked)
    async with get_services(request).read_transaction(organization_id) as connection:
        visible = await keys_there(connection, organization_id, [key["id"] for key in result.keys], seen)
    result.keys = [key for key in result.keys if key["id"] in visible]
    return _rendered(result)
