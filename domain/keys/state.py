"""The states of a key. Encoded as they stand here, they are also the rows of the verification table `key_state`."""

from datetime import datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from domain.actor import Actor
from domain.environment import Environment
from domain.keys.events import RateLimit, RevocationReason
from domain.keys.permissions import Permissions
from domain.secret import SecretRecord

RETIRED_SECRETS_KEPT = 10
"""How many retired secrets a state remembers; older ones stay in the log, and are refused all the same."""


class SecretVersion(Struct, frozen=True):
    """One secret of the key. `valid_until` None: the current one. A retired one keeps the instant it ended at.

    `ends_previous_when_used`: with its first accepted use, every earlier secret ends.
    """

    version: int
    digest: str
    prefix: str
    last4: str
    created_at: datetime
    valid_until: datetime | None = None
    retired: bool = False
    ends_previous_when_used: Literal[True] | UnsetType = UNSET

    @property
    def record(self) -> SecretRecord:
        return SecretRecord(self.digest, self.prefix, self.last4)

    def is_valid(self, at: datetime) -> bool:
        """Whether this secret is accepted at `at`, as far as the secret itself decides that."""
        return not self.retired and (self.valid_until is None or at < self.valid_until)


class Key(Struct, frozen=True):
    """What every existing key has. `revision` is the version of its stream; `secrets` are oldest first."""

    id: str
    organization_id: str
    name: str
    description: str
    environment: Environment
    permissions: Permissions
    rate_limit: RateLimit | None
    allowed_ips: tuple[str, ...]
    metadata: dict[str, str]
    expires_at: datetime | None
    created_at: datetime
    created_by: Actor
    secrets: tuple[SecretVersion, ...]
    revision: int

    @property
    def current_secret(self) -> SecretVersion:
        return self.secrets[-1]

    def is_ended_by_use_of(self, version: int) -> bool:
        """Whether an accepted use of the secret `version` ends one that is still valid."""
        used = next((secret for secret in self.secrets if secret.version == version), None)
        if used is None or used.ends_previous_when_used is UNSET:
            return False
        return any(not secret.retired for secret in self.secrets if secret.version < version)

    def has_expired(self, at: datetime) -> bool:
        """Whether the instant of expiry has come: from it on the key is refused, event or no event."""
        return self.expires_at is not None and self.expires_at <= at


class Active(Struct, frozen=True, tag_field="status", tag="active"):
    key: Key


class Disabled(Struct, frozen=True, tag_field="status", tag="disabled"):
    key: Key
    disabled_at: datetime


class Expired(Struct, frozen=True, tag_field="status", tag="expired"):
    key: Key
    expired_at: datetime


class Revoked(Struct, frozen=True, tag_field="status", tag="revoked"):
    key: Key
    revoked_at: datetime
    reason: RevocationReason
    note: str = ""


Existing = Active | Disabled | Expired | Revoked
KeyState = Existing | None
