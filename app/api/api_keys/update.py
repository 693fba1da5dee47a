"""PATCH /v1/api-keys/{id}: change the name, permissions, limits or expiry of a key."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from app.api.api_keys.expiry import unexpired_key_counts
from app.api.api_keys.key_context import load_key_context
from app.api.api_keys.schemas import KEY_EXAMPLE, AllowedIps, ExpiresAt, Key, Metadata, changed_key
from app.api.api_keys.visibility import ensure_visible
from app.api.schemas import Description, Name
from app.commands.run_command import run_command
from app.handlers import HttpRequest, Success, get_services
from app.route import Route
from domain.keys.commands import ChangeKey
from domain.keys.decider import KEY
from domain.keys.events import RateLimit
from domain.keys.permissions import Permissions
from domain.plans.plan import KeyCounts
from eventstore.execute import Lock, LockAndQuery
from infrastructure.clock import now
from projections.read_models.organizations.counts.queries import admission, keys_guard


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    name: Name | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    metadata: Metadata | UnsetType = UNSET
    permissions: (
        Annotated[Permissions, Meta(description="The new permissions. They replace all earlier ones.")] | UnsetType
    ) = UNSET
    rate_limit: Annotated[RateLimit | UnsetType | None, Meta(description="Null: the plan's limit.")] = UNSET
    allowed_ips: AllowedIps | UnsetType = UNSET
    expires_at: ExpiresAt | UnsetType | None = UNSET

    @property
    def texts(self) -> Iterable[str]:
        """Return the new texts, which the log keeps permanently."""
        metadata = {} if self.metadata is UNSET else self.metadata
        written = [text for text in (self.name, self.description) if isinstance(text, str)]
        return (*written, *metadata, *metadata.values())


@Route(
    "PATCH",
    "/v1/api-keys/{key_id}",
    access="keys:write",
    tag="Keys",
    summary="Update a key",
    description="Omitted fields stay unchanged. A revoked or expired key cannot be changed.",
    example=KEY_EXAMPLE,
    body_example={"name": "My agent", "allowed_ips": ["10.0.0.0/8"]},
    has_revision=True,
    if_match=True,
)
async def update_key(request: HttpRequest, key_id: str, body: Body) -> Success[Key]:
    await ensure_visible(request, key_id)
    caller, services = request.auth, get_services(request)
    at = now()
    context = await load_key_context(services.pool, key_id, caller.organization_id, at, texts=body.texts)
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
        known_secrets=context.known_secrets,
    )
    # Removing grants from all keys of a member reads those keys under this lock, so none gains permissions
    # concurrently.
    guard: Lock[Any] | LockAndQuery[Any] = (
        admission(caller.organization_id)
        if body.permissions is UNSET
        else keys_guard(caller.organization_id, services.plans)
    )
    if key_id == caller.id and isinstance(body.expires_at, datetime):
        # An earlier expiry may be refused if this is the only active key.
        guard = unexpired_key_counts(caller.organization_id, services.plans, at)
    return await run_command(
        request,
        KEY,
        key_id,
        lambda counts: structs.replace(command, counts=counts if isinstance(counts, KeyCounts) else None),
        guard=guard,
        render=lambda change: changed_key(change, context),
    )
