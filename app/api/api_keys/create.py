"""POST /v1/api-keys: create a key. Only this response contains its secret."""

import os
from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta, structs

from app.api import examples
from app.api.api_keys.expiry import expire_overdue_keys
from app.api.api_keys.key_context import load_key_context
from app.api.api_keys.new_key import NewKey
from app.api.api_keys.schemas import KEY_EXAMPLE, Key, SecretOnce, changed_key
from app.commands.run_command import run_command
from app.handlers import HttpRequest, Success, get_services
from app.http.errors import invalid
from app.route import Route
from domain.keys.commands import CreateKey
from domain.keys.decider import KEY
from domain.keys.errors import KeyLimitReached
from domain.plans.plan import KeyCounts
from domain.secret import ENTROPY_BYTES, fingerprint, generate
from infrastructure.clock import new_id, now
from projections.read_models.organizations.counts.queries import keys_guard

_EXPIRES_IN_DAYS_MAX = 36_500


class Body(NewKey, frozen=True):
    expires_in_days: (
        Annotated[int, Meta(ge=1, le=_EXPIRES_IN_DAYS_MAX, description="An alternative to `expires_at`.")] | None
    ) = None

    def expiry(self, created_at: datetime) -> datetime | None:
        """Return when a key that is created at `created_at` expires; None: never."""
        if self.expires_in_days is None:
            return self.expires_at
        if self.expires_at is not None:
            details = {"expires_in_days": "Send either expires_at or expires_in_days, not both"}
            raise invalid(details)
        return created_at + timedelta(days=self.expires_in_days)


class CreatedKey(Key, frozen=True):
    """A new key and its secret."""

    key: SecretOnce


@Route(
    "POST",
    "/v1/api-keys",
    access="keys:write",
    tag="Keys",
    summary="Create a key",
    description="Only this response contains the secret. A key cannot have permissions that its creator lacks.",
    status=201,
    example=CreatedKey(**structs.asdict(KEY_EXAMPLE), key=examples.SECRET),
    body_example={"name": "My agent", "permissions": {"mcps": [examples.MCP_ID]}, "expires_in_days": 90},
    errors=("key_limit_reached",),
    has_revision=True,
    idempotent=True,
)
async def create_key(request: HttpRequest, body: Body) -> Success[CreatedKey]:
    services = get_services(request)
    caller = request.auth
    at = now()
    key_id = new_id("key")
    context = await load_key_context(
        services.pool, key_id, caller.organization_id, at, maker=caller.actor, texts=body.texts
    )
    secret = generate(body.environment_for(caller), os.urandom(ENTROPY_BYTES))

    def command(counts: KeyCounts) -> CreateKey:
        return body.command(
            key_id,
            caller,
            fingerprint(secret),
            at,
            expires_at=body.expiry(at),
            counts=counts,
            known_mcps=context.known_mcps,
            known_secrets=context.known_secrets,
        )

    async def create() -> Success[CreatedKey]:
        return await run_command(
            request,
            KEY,
            key_id,
            command,
            guard=keys_guard(caller.organization_id, services.plans),
            render=lambda change: CreatedKey(**structs.asdict(changed_key(change, context)), key=secret.reveal()),
            secret_fields=("key",),
        )

    try:
        return await create()
    except KeyLimitReached:
        # Keys that have expired still count towards the limit until their expiry is recorded. Record it and try again.
        if not await expire_overdue_keys(services, caller.organization_id):
            raise
        return await create()
