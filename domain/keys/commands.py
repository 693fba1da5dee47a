"""What can be asked of a key. Each command carries the facts its decision needs, the instant among them."""

from datetime import datetime

from msgspec import UNSET, Struct, UnsetType, field

from domain.actor import Actor
from domain.environment import Environment
from domain.grants import Grant
from domain.keys.delegation import McpEnvironments, Scope
from domain.keys.events import RateLimit, RevocationReason
from domain.keys.permissions import Permissions
from domain.plans.plan import KeyCounts
from domain.secret import SecretRecord


class CreateKey(Struct, frozen=True):
    key_id: str
    organization_id: str
    name: str
    environment: Environment
    permissions: Permissions
    secret: SecretRecord
    at: datetime
    by: Actor
    authority: Scope
    census: KeyCounts
    known_mcps: McpEnvironments
    description: str = ""
    expires_at: datetime | None = None
    rate_limit: RateLimit | None = None
    allowed_ips: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict[str, str])


class ChangeKey(Struct, frozen=True):
    """Any of the fields; one that is UNSET stays as it is. `expires_at` None lifts the expiry.

    `by` and `census`: as for `DisableKey`, of a key that would soon be past its expiry.
    """

    at: datetime
    authority: Scope
    known_mcps: McpEnvironments
    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    metadata: dict[str, str] | UnsetType = UNSET
    permissions: Permissions | UnsetType = UNSET
    rate_limit: RateLimit | UnsetType | None = UNSET
    allowed_ips: tuple[str, ...] | UnsetType = UNSET
    expires_at: datetime | UnsetType | None = UNSET
    by: Actor | None = None
    census: KeyCounts | None = None


class RotateKey(Struct, frozen=True):
    """Give the key a new secret. Every earlier one ends after `overlap_seconds`, at the latest.

    None: with the first accepted use of the new one, and at the latest after `UNUSED_SECONDS`.
    `used_version`: a secret whose use ended those before it, which need not be recorded yet; 0: there is none.
    """

    secret: SecretRecord
    at: datetime
    authority: Scope
    known_mcps: McpEnvironments
    overlap_seconds: int | None = 0
    used_version: int = 0


class RetireSecrets(Struct, frozen=True):
    """Record the end of every secret whose overlap is over, and of those before the secret `used_version`.

    `used_version` was used for the first time at `used_at`, which ended the earlier ones.
    """

    at: datetime
    used_version: int = 0
    used_at: datetime | None = None


class DisableKey(Struct, frozen=True):
    """`by` and `census`: a key must not disable itself while it is the only active one. None for the system."""

    at: datetime
    by: Actor | None = None
    census: KeyCounts | None = None


class EnableKey(Struct, frozen=True):
    """Needs the authority to give all that the key reaches: while it is disabled, that is nothing."""

    at: datetime
    authority: Scope
    known_mcps: McpEnvironments


class RevokeKey(Struct, frozen=True):
    at: datetime
    by: Actor
    census: KeyCounts
    reason: RevocationReason = "unspecified"
    note: str = ""


class NarrowGrants(Struct, frozen=True):
    """Take away the management grants beyond `held`: whoever made the key does not hold them any more.

    What it calls stays as it is. A key that has ended manages nothing anyway.
    """

    held: frozenset[Grant]


class ExpireKey(Struct, frozen=True):
    """Record that the instant of expiry has passed."""

    at: datetime


KeyCommand = (
    CreateKey | ChangeKey | RotateKey | RetireSecrets | DisableKey | EnableKey | RevokeKey | NarrowGrants | ExpireKey
)
