"""PATCH /v1/api-keys/{id}: change the name, permissions, limits or expiry of a key."""

from datetime import datetime
from typing import Any

from litestar import patch
from msgspec import UNSET, Struct, UnsetType, structs

from app.api.api_keys.expiry import unexpired_key_counts
from app.api.api_keys.key_context import load_key_context
from app.api.api_keys.schemas import changed_key
from app.api.api_keys.visibility import ensure_visible
from app.commands.run_command import run_command
from app.handlers import Empty, HttpRequest, HttpResponse, get_services, parse_body, parse_query
from app.http.decoding import Instant
from domain.keys.commands import ChangeKey
from domain.keys.decider import KEY
from domain.keys.events import RateLimit
from domain.keys.permissions import Permissions
from domain.plans.plan import KeyCounts
from eventstore.execute import Lock, LockAndQuery, no_guard
from infrastructure.clock import now
from projections.read_models.organizations.counts.queries import keys_guard


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    name: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    metadata: dict[str, str] | UnsetType = UNSET
    permissions: Permissions | UnsetType = UNSET
    rate_limit: RateLimit | UnsetType | None = UNSET
    allowed_ips: tuple[str, ...] | UnsetType = UNSET
    expires_at: Instant | UnsetType | None = UNSET


@patch("/v1/api-keys/{key_id:str}", access="keys:write")
async def change_key(request: HttpRequest, key_id: str) -> HttpResponse:
    parse_query(request, Empty)
    body = parse_body(request, Body)
    await ensure_visible(request, key_id)
    caller, services = request.auth, get_services(request)
    at = now()
    context = await load_key_context(services.pool, key_id, caller.organization_id, at)
    command = ChangeKey(
        at=at,
        authority=caller.authority,
        known_mcps=context.known_mcps,
        name=body.name,
        description="" if body.description is None else body.description,
        metadata=body.metadata,
        permissions=body.permissions,
        rate_limit=body.rate_limit,
        allowed_ips=body.allowed_ips,
        expires_at=body.expires_at,
        by=caller.actor,
    )
    # Removing grants from all keys of a member reads those keys under this lock, so none gains permissions
    # concurrently.
    guard: Lock[Any] | LockAndQuery[Any] = (
        no_guard() if body.permissions is UNSET else keys_guard(caller.organization_id, services.plans)
    )
    if key_id == caller.id and isinstance(body.expires_at, datetime):
        # An earlier expiry may be refused if this is the only active key.
        guard = unexpired_key_counts(caller.organization_id, services.plans, at)
    return await run_command(
        request,
        KEY,
        key_id,
        lambda census: structs.replace(command, census=census if isinstance(census, KeyCounts) else None),
        guard=guard,
        render=lambda change: changed_key(change, context),
    )
