"""Commands on a key. Each command contains the facts that its decision needs, including the current instant."""

from datetime import datetime
from typing import Literal

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
    """Create a key. `imported`: `secret` is the record of one that another system issued.

    `known_secrets`: the digests of those words of the texts that are imported secrets of the organization. `keys`: the
    number of keys for which the plan must have room: this one, and those that the same request creates after it.
    """

    key_id: str
    organization_id: str
    name: str
    environment: Environment
    permissions: Permissions
    secret: SecretRecord
    at: datetime
    by: Actor
    authority: Scope
    counts: KeyCounts
    known_mcps: McpEnvironments
    description: str = ""
    expires_at: datetime | None = None
    rate_limit: RateLimit | None = None
    allowed_ips: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    imported: Literal[True] | UnsetType = UNSET
    known_secrets: frozenset[bytes] = frozenset()
    keys: int = 1


class ChangeKey(Struct, frozen=True):
    """Change some of the fields. A field that is UNSET stays unchanged. `expires_at` None removes the expiry.

    `by` and `counts`: as in `DisableKey`, for a change that would let the key expire soon. `known_secrets`: as in
    `CreateKey`.
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
    counts: KeyCounts | None = None
    known_secrets: frozenset[bytes] = frozenset()


class RotateKey(Struct, frozen=True):
    """Give the key a new secret. Every earlier secret ends after `overlap_seconds` at the latest.

    `overlap_seconds` None: earlier secrets end with the first accepted use of the new secret, and after
    `UNUSED_SECONDS` at the latest. `used_version`: the secret whose use has ended all earlier ones, even if no event
    records that yet; 0: none.
    """

    secret: SecretRecord
    at: datetime
    authority: Scope
    known_mcps: McpEnvironments
    overlap_seconds: int | None = 0
    used_version: int = 0


class RetireSecrets(Struct, frozen=True):
    """Record the end of every secret whose overlap is over, and of all secrets before `used_version`.

    `used_version` was first used at `used_at`, which ended the earlier secrets.
    """

    at: datetime
    used_version: int = 0
    used_at: datetime | None = None


class EndEarlierSecrets(Struct, frozen=True):
    """End all secrets before the current one now, although their overlap is not over."""

    at: datetime


class DisableKey(Struct, frozen=True):
    """Disable the key. A key must not disable itself while it is the only active one.

    `by` and `counts` are needed to check that. They are None for the system.
    """

    at: datetime
    by: Actor | None = None
    counts: KeyCounts | None = None


class EnableKey(Struct, frozen=True):
    """Enable the key. This requires authority for all that the key reaches, because a disabled key reaches nothing."""

    at: datetime
    authority: Scope
    known_mcps: McpEnvironments


class RevokeKey(Struct, frozen=True):
    at: datetime
    by: Actor
    counts: KeyCounts
    reason: RevocationReason = "unspecified"
    note: str = ""


class NarrowGrants(Struct, frozen=True):
    """Remove the management grants that are not in `held`, because the key's creator no longer has them.

    The tools that the key may call stay unchanged. A key that has ended manages nothing in any case.
    """

    held: frozenset[Grant]


class ExpireKey(Struct, frozen=True):
    """Record that the expiry of the key has passed."""

    at: datetime


KeyCommand = (
    CreateKey
    | ChangeKey
    | RotateKey
    | RetireSecrets
    | EndEarlierSecrets
    | DisableKey
    | EnableKey
    | RevokeKey
    | NarrowGrants
    | ExpireKey
)
