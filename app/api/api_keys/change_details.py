"""PATCH /v1/api-keys/{id}: change what a key is called, how far it reaches, until when."""

from datetime import datetime
from typing import Any

from litestar import patch
from msgspec import UNSET, Struct, UnsetType, structs

from app.api.api_keys.elapsed import living_keys
from app.api.api_keys.own import refuse_unseen
from app.api.api_keys.shape import changed_key
from app.api.api_keys.surroundings import surroundings_of
from app.changes import change
from app.payload import Instant
from app.requests import HttpRequest, HttpResponse, NoParameters, body_of, query_of, services_of
from domain.keys.commands import ChangeKey
from domain.keys.decider import KEY
from domain.keys.events import RateLimit
from domain.keys.permissions import Permissions
from domain.organizations.plan import KeyCensus
from eventstore.clock import now
from eventstore.execute import Guard, Survey, no_guard
from projections.organization_guard.queries import keys_guard


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    name: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    metadata: dict[str, str] | UnsetType = UNSET
    permissions: Permissions | UnsetType = UNSET
    rate_limit: RateLimit | UnsetType | None = UNSET
    allowed_ips: tuple[str, ...] | UnsetType = UNSET
    expires_at: Instant | UnsetType | None = UNSET


@patch("/v1/api-keys/{key_id:str}", grant="keys:write")
async def change_key(request: HttpRequest, key_id: str) -> HttpResponse:
    query_of(request, NoParameters)
    wanted = body_of(request, Body)
    await refuse_unseen(request, key_id)
    caller, services = request.auth, services_of(request)
    at = now()
    surroundings = await surroundings_of(services.pool, key_id, caller.organization_id, at)
    command = ChangeKey(
        at=at,
        authority=caller.authority,
        known_mcps=surroundings.known_mcps,
        name=wanted.name,
        description="" if wanted.description is None else wanted.description,
        metadata=wanted.metadata,
        permissions=wanted.permissions,
        rate_limit=wanted.rate_limit,
        allowed_ips=wanted.allowed_ips,
        expires_at=wanted.expires_at,
        by=caller.actor,
    )
    # Whoever takes grants from somebody's keys looks at all of them under this lock: none gets more behind their back.
    guard: Guard[Any] | Survey[Any] = (
        no_guard() if wanted.permissions is UNSET else keys_guard(caller.organization_id, services.plans)
    )
    if key_id == caller.id and isinstance(wanted.expires_at, datetime):
        # Whether it may end soon depends on whether it is the only active one.
        guard = living_keys(caller.organization_id, services.plans, at)
    return await change(
        request,
        KEY,
        key_id,
        command=lambda census: structs.replace(command, census=census if isinstance(census, KeyCensus) else None),
        guard=guard,
        shown=lambda made: changed_key(made, surroundings),
    )
