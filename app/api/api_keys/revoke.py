"""DELETE /v1/api-keys/{id} and POST /v1/api-keys/{id}/revoke: revoke a key immediately and permanently."""

from typing import Any

from litestar import delete, post
from msgspec import Struct

from app.api.api_keys.expiry import unexpired_key_counts
from app.api.api_keys.visibility import ensure_visible
from app.commands.run_command import run_command
from app.handlers import Empty, HttpRequest, HttpResponse, get_services, parse_body, parse_query
from domain.decider import ImpossibleHistory
from domain.keys.commands import RevokeKey
from domain.keys.decider import KEY
from domain.keys.events import KeyEvent, RevocationReason
from domain.keys.state import KeyState, Revoked
from domain.plans.plan import KeyCounts
from eventstore.execute import Change
from infrastructure.clock import now


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    reason: RevocationReason = "unspecified"
    note: str | None = None


@delete("/v1/api-keys/{key_id:str}", access="keys:write", status_code=200)
async def delete_key(request: HttpRequest, key_id: str) -> HttpResponse:
    return await _revoke(request, key_id)


@post("/v1/api-keys/{key_id:str}/revoke", access="keys:write", status_code=200)
async def revoke_key(request: HttpRequest, key_id: str) -> HttpResponse:
    return await _revoke(request, key_id)


async def _revoke(request: HttpRequest, key_id: str) -> HttpResponse:
    parse_query(request, Empty)
    body = parse_body(request, Body)
    await ensure_visible(request, key_id)
    at = now()

    def command(census: KeyCounts) -> RevokeKey:
        return RevokeKey(at=at, by=request.auth.actor, census=census, reason=body.reason, note=body.note or "")

    return await run_command(
        request,
        KEY,
        key_id,
        command,
        guard=unexpired_key_counts(request.auth.organization_id, get_services(request).plans, at),
        render=_render,
    )


def _render(change: Change[KeyState, KeyEvent]) -> dict[str, Any]:
    if not isinstance(change.after, Revoked):
        raise ImpossibleHistory(change)
    return {
        "id": change.stream_id,
        "status": "revoked",
        "revoked_at": change.after.revoked_at,
        "revision": change.revision,
    }
