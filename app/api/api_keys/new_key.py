"""The fields of a key that is created, whichever system issues its secret."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from app.api.api_keys.schemas import AllowedIps, ExpiresAt, Metadata
from app.api.schemas import Description, Name
from app.auth.callers import Caller
from domain.environment import Environment
from domain.keys.commands import CreateKey
from domain.keys.delegation import McpEnvironments
from domain.keys.events import RateLimit
from domain.keys.permissions import Permissions
from domain.plans.plan import KeyCounts
from domain.secret import SecretRecord


class NewKey(Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
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

    @property
    def texts(self) -> Iterable[str]:
        """Return the texts that the log keeps permanently."""
        return (self.name, self.description, *self.metadata, *self.metadata.values())

    def environment_for(self, caller: Caller) -> Environment:
        return self.environment or caller.default_environment

    def command(
        self,
        key_id: str,
        caller: Caller,
        secret: SecretRecord,
        at: datetime,
        *,
        expires_at: datetime | None,
        counts: KeyCounts,
        known_mcps: McpEnvironments,
        known_secrets: frozenset[bytes],
        imported: Literal[True] | UnsetType = UNSET,
    ) -> CreateKey:
        """Return the command that creates the key."""
        return CreateKey(
            key_id=key_id,
            organization_id=caller.organization_id,
            name=self.name,
            environment=self.environment_for(caller),
            permissions=self.permissions,
            secret=secret,
            at=at,
            by=caller.actor,
            authority=caller.authority,
            counts=counts,
            known_mcps=known_mcps,
            description=self.description,
            expires_at=expires_at,
            rate_limit=self.rate_limit,
            allowed_ips=self.allowed_ips,
            metadata=self.metadata,
            imported=imported,
            known_secrets=known_secrets,
        )
