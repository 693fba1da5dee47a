"""States of a key. Their encoded form is also the rows of the verification table `key_state`."""

from datetime import datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from domain.actor import Actor
from domain.environment import Environment
from domain.keys.events import RateLimit, RevocationReason
from domain.keys.permissions import Permissions
from domain.secret import SecretRecord

RETIRED_SECRETS_KEPT = 10
"""Number of retired secrets in a state. The log still has older ones, which are refused too."""


class SecretVersion(Struct, frozen=True):
    """One secret of the key. `valid_until` None: the current secret. A retired secret keeps the instant of its end.

    `ends_previous_when_used`: the first accepted use of this secret ends every earlier one. `imported`: the secret was
    issued by another system.
    """

    version: int
    digest: str
    prefix: str
    last4: str
    created_at: datetime
    valid_until: datetime | None = None
    retired: bool = False
    ends_previous_when_used: Literal[True] | UnsetType = UNSET
    imported: Literal[True] | UnsetType = UNSET

    @property
    def is_imported(self) -> bool:
        return self.imported is not UNSET

    @property
    def record(self) -> SecretRecord:
        return SecretRecord(self.digest, self.prefix, self.last4)

    def is_valid(self, at: datetime) -> bool:
        """Return whether this secret is accepted at `at`. The state of the key is not considered."""
        return not self.retired and (self.valid_until is None or at < self.valid_until)


class Key(Struct, frozen=True):
    """Fields of every existing key. `revision` is the version of its stream; `secrets` are oldest first."""

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
        """Return whether an accepted use of the secret `version` ends an earlier secret that is still valid."""
        used = next((secret for secret in self.secrets if secret.version == version), None)
        if used is None or used.ends_previous_when_used is UNSET:
            return False
        return any(not secret.retired for secret in self.secrets if secret.version < version)

    def has_several_secrets(self, at: datetime) -> bool:
        """Return whether more than one secret is accepted at `at`."""
        return len(self.secrets) > 1 and sum(secret.is_valid(at) for secret in self.secrets) > 1

    def has_expired(self, at: datetime) -> bool:
        """Return whether the key is past its expiry, from which on it is refused with or without an event."""
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
