"""POST /v1/api-keys: create a key. Only this response contains its secret."""

import os
from datetime import datetime, timedelta
from typing import Annotated

from litestar import post
from msgspec import Meta, Struct, field

from app.api.api_keys.expiry import expire_overdue_keys
from app.api.api_keys.key_context import load_key_context
from app.api.api_keys.schemas import changed_key
from app.commands.run_command import run_command
from app.handlers import Empty, HttpRequest, HttpResponse, get_services, parse_body, parse_query
from app.http.decoding import Instant
from app.http.errors import invalid
from domain.environment import Environment
from domain.keys.commands import CreateKey
from domain.keys.decider import KEY
from domain.keys.errors import KeyLimitReached
from domain.keys.events import RateLimit
from domain.keys.permissions import Permissions
from domain.plans.plan import KeyCounts
from domain.secret import ENTROPY_BYTES, fingerprint, generate
from infrastructure.clock import new_id, now
from infrastructure.deadline import with_deadline
from projections.read_models.organizations.counts.queries import keys_guard

_EXPIRES_IN_DAYS_MAX = 36_500


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    description: str = ""
    expires_at: Instant | None = None
    expires_in_days: Annotated[int, Meta(ge=1, le=_EXPIRES_IN_DAYS_MAX)] | None = None
    environment: Environment | None = None
    permissions: Permissions = Permissions()
    rate_limit: RateLimit | None = None
    allowed_ips: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict[str, str])

    def ends_at(self, at: datetime) -> datetime | None:
        if self.expires_in_days is None:
            return self.expires_at
        if self.expires_at is not None:
            details = {"expires_in_days": "Send either expires_at or expires_in_days, not both"}
            raise invalid(details)
        return at + timedelta(days=self.expires_in_days)


@post("/v1/api-keys", access="keys:write", status_code=201)
async def create_key(request: HttpRequest) -> HttpResponse:
    parse_query(request, Empty)
    body = parse_body(request, Body)
    services = get_services(request)
    caller = request.auth
    at = now()
    key_id = new_id("key")
    context = await load_key_context(services.pool, key_id, caller.organization_id, at, caller.actor)
    environment = body.environment or caller.default_environment
    secret = generate(environment, os.urandom(ENTROPY_BYTES))

    def command(census: KeyCounts) -> CreateKey:
        return CreateKey(
            key_id=key_id,
            organization_id=caller.organization_id,
            name=body.name,
            environment=environment,
            permissions=body.permissions,
            secret=fingerprint(secret),
            at=at,
            by=caller.actor,
            authority=caller.authority,
            census=census,
            known_mcps=context.known_mcps,
            description=body.description,
            expires_at=body.ends_at(at),
            rate_limit=body.rate_limit,
            allowed_ips=body.allowed_ips,
            metadata=body.metadata,
        )

    async def create() -> HttpResponse:
        return await run_command(
            request,
            KEY,
            key_id,
            command,
            guard=keys_guard(caller.organization_id, services.plans),
            render=lambda change: changed_key(change, context),
            secret_fields={"key": secret.reveal()},
            status=201,
        )

    try:
        return await create()
    except KeyLimitReached:
        recorded = expire_overdue_keys(services, caller.organization_id)
        if not await with_deadline(2 * services.config.request_timeout_seconds, recorded):
            raise
        return await create()
