"""POST /v1/api-keys/revoke: refuse many keys at once and for ever. The answer to an incident.

A dry run unless `dry_run` is false: it says what would be revoked and changes nothing. A key matches when every
selector that is given fits it and it is not revoked yet; `mcp_id` selects what the list of keys shows for it, so also
keys for all MCPs. `matched` and `revoked` count all of them, `keys` shows the first 1,000 as they are afterwards.

Every key is a change of its own. Whatever stops the work leaves a clean beginning, and a repeat does what is left. The
caller's own key comes last, and stays if it is the last active one: it is matched and not revoked.
"""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from litestar import post
from msgspec import UNSET, Struct, UnsetType

from app.api.api_keys.elapsed import living_keys
from app.api.api_keys.own import seen_of
from app.api.api_keys.shape import status_of
from app.idempotency import idempotency_of
from app.payload import Instant
from app.problems import Problem
from app.replies import respond
from app.requests import HttpRequest, HttpResponse, NoParameters, body_of, inbound_of, query_of, services_of
from domain.ids import is_id
from domain.keys.commands import RevokeKey
from domain.keys.decider import KEY
from domain.keys.errors import LastActiveKey
from domain.keys.events import RevocationReason
from domain.keys.state import Existing
from domain.organizations.plan import KeyCensus
from eventstore.clock import new_event_id, now
from eventstore.database import connect
from eventstore.execute import Change, Write, execute
from eventstore.idempotency import Answer, hold
from projections.inline import INLINE
from projections.key_list.filters import Filters
from projections.key_list.page import page, total
from projections.key_state.queries import decode
from projections.organization_guard.queries import keys_guard

IDS_MAX = 10_000
KEYS_SHOWN_MAX = 1_000
_PAGE = 500


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    """No selector may be null: what was meant to select must not be read as selecting everything."""

    reason: RevocationReason
    ids: tuple[str, ...] | UnsetType = UNSET
    created_by: str | UnsetType = UNSET
    mcp_id: str | UnsetType = UNSET
    created_before: Instant | UnsetType = UNSET
    dry_run: bool = True

    def filters(self, organization_id: str) -> Filters:
        """The keys that are meant; 422 when nothing is selected or a selector is not what it should be."""
        details: dict[str, str] = {}
        if self.ids is UNSET and self.created_by is UNSET and self.mcp_id is UNSET and self.created_before is UNSET:
            details["ids"] = "Required: ids, or one of created_by, mcp_id, created_before"
        if self.ids is not UNSET and not 1 <= len(self.ids) <= IDS_MAX:
            details["ids"] = f"Must have 1 to {IDS_MAX} ids"
        elif self.ids is not UNSET and not all(is_id("key", key_id) for key_id in self.ids):
            details["ids"] = "Must be ids of keys, such as key_… with 26 characters"
        if self.created_by is not UNSET and not (is_id("user", self.created_by) or is_id("key", self.created_by)):
            details["created_by"] = "Must be the id of a person or a key, such as user_… with 26 characters"
        if self.mcp_id is not UNSET and not is_id("mcp", self.mcp_id):
            details["mcp_id"] = "Must be the id of an MCP, such as mcp_… with 26 characters"
        if details:
            raise Problem("validation_error", "The request is not valid.", details)
        return Filters(
            organization_id=organization_id,
            mcp_id=None if self.mcp_id is UNSET else self.mcp_id,
            created_by=None if self.created_by is UNSET else self.created_by,
            ids=None if self.ids is UNSET else self.ids,
            created_before=None if self.created_before is UNSET else self.created_before,
            unrevoked=True,
        )


class Revoked(Struct):
    """The answer, as it grows."""

    matched: int = 0
    revoked: int = 0
    keys: list[dict[str, Any]] = msgspec.field(default_factory=list[dict[str, Any]])

    def show(self, key: dict[str, Any]) -> None:
        if len(self.keys) < KEYS_SHOWN_MAX:
            self.keys.append(key)


@post("/v1/api-keys/revoke", grant="keys:write", status_code=200)
async def revoke_keys(request: HttpRequest) -> HttpResponse:
    query_of(request, NoParameters)
    wanted = body_of(request, Body)
    filters = seen_of(request.auth, wanted.filters(request.auth.organization_id))
    idempotency = idempotency_of(inbound_of(request), request.auth.id)
    if wanted.dry_run:
        return respond(_rendered(await _matching(request, filters)), 200, None)
    if idempotency is None:
        return respond(_rendered(await _revoke_all(request, wanted, filters)), 200, None)
    # Beside the pool: requests that each held one of its connections and waited for a second would wait for each other.
    url = services_of(request).config.database_url
    async with await connect(url, organization_id=filters.organization_id) as held:
        earlier = await hold(held, idempotency, now())
        if earlier is not None:
            return respond(earlier.body, earlier.status, None, replayed=True)
        answer = Answer(200, _rendered(await _revoke_all(request, wanted, filters)))
        await held.execute(*idempotency.store(answer, now()))
        return respond(answer.body, answer.status, None)


async def _matching(request: HttpRequest, filters: Filters) -> Revoked:
    at = now()
    async with services_of(request).reading(filters.organization_id) as connection:
        listed = await page(connection, filters, at, sort="created_at", order="asc", limit=KEYS_SHOWN_MAX)
        count = await total(connection, filters, at)
    states = [decode(item.state) for item in listed]
    return Revoked(count, 0, [_shown(state, status_of(state, at)) for state in states])


async def _revoke_all(request: HttpRequest, wanted: Body, filters: Filters) -> Revoked:
    answer = Revoked()
    own: Existing | None = None
    async for state in _unrevoked(request, filters):
        answer.matched += 1
        if state.key.id == request.auth.id:
            own = state
            continue
        answer.revoked += await _revoke(request, wanted, state.key.id)
        answer.show(_shown(state, "revoked"))
    if own is not None:
        try:
            answer.revoked += await _revoke(request, wanted, own.key.id)
        except LastActiveKey:
            answer.show(_shown(own, status_of(own, now())))
        else:
            answer.show(_shown(own, "revoked"))
    return answer


async def _unrevoked(request: HttpRequest, filters: Filters) -> AsyncIterator[Existing]:
    """The matching keys, oldest first. A page is read, given and forgotten before the next one."""
    after: tuple[str, str] | None = None
    while True:
        async with services_of(request).reading(filters.organization_id) as connection:
            listed = await page(connection, filters, now(), sort="created_at", order="asc", limit=_PAGE, after=after)
        for item in listed:
            state = decode(item.state)
            after = (item.value, state.key.id)
            yield state
        if len(listed) < _PAGE:
            return


async def _revoke(request: HttpRequest, wanted: Body, key_id: str) -> bool:
    """False when someone else was faster."""
    auth = request.auth
    services = services_of(request)
    at = now()

    def command(census: KeyCensus) -> RevokeKey:
        return RevokeKey(at=at, by=auth.actor, census=census, reason=wanted.reason)

    write = Write(
        decider=KEY,
        stream_id=key_id,
        organization_id=auth.organization_id,
        command=command,
        # Only the own key is decided upon the counts; the others have to be locked in the same order.
        guard=living_keys(auth.organization_id, services.plans, at)
        if key_id == auth.id
        else keys_guard(auth.organization_id, services.plans),
        at=at,
        origin=auth.origin(inbound_of(request)),
        new_event_id=new_event_id,
        relies_on=auth.reliance,
    )
    made = await execute(services.pool, write, INLINE)
    return isinstance(made, Change) and bool(made.events)


def _shown(state: Existing, status: str) -> dict[str, Any]:
    secret = state.key.current_secret
    return {
        "id": state.key.id,
        "name": state.key.name,
        "prefix": secret.prefix,
        "last4": secret.last4,
        "status": status,
    }


def _rendered(answer: Revoked) -> bytes:
    return msgspec.json.encode({"success": True, "data": answer})
