"""What can happen to a key.

The law of this file: a released event is never changed. A field is added only with a default; anything else is a new
schema version with an upcaster in `eventstore/codec.py` and a sample in `tests/golden/`. Names are past tense; the wire
name (`api_key.created`) is what the log, the audit view and webhooks show.
"""

from datetime import datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType, field

from domain.actor import Actor
from domain.environment import Environment
from domain.keys.permissions import Permissions
from domain.secret import SecretRecord

RevocationReason = Literal["compromised", "superseded", "owner_removed", "no_longer_needed", "unspecified"]


class RateLimit(Struct, frozen=True, forbid_unknown_fields=True):
    per_second: int


class KeyCreated(Struct, frozen=True, tag_field="type", tag="api_key.created"):
    key_id: str
    organization_id: str
    name: str
    environment: Environment
    permissions: Permissions
    secret: SecretRecord
    created_at: datetime
    created_by: Actor
    description: str = ""
    expires_at: datetime | None = None
    rate_limit: RateLimit | None = None
    allowed_ips: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict[str, str])


class KeyDetailsChanged(Struct, frozen=True, tag_field="type", tag="api_key.details_changed"):
    """What people read; it decides nothing."""

    name: str
    description: str
    metadata: dict[str, str]


class KeyPermissionsChanged(Struct, frozen=True, tag_field="type", tag="api_key.permissions_changed"):
    """All that decides how far the key reaches, as it is from now on."""

    permissions: Permissions
    rate_limit: RateLimit | None
    allowed_ips: tuple[str, ...]


class KeyExpirationChanged(Struct, frozen=True, tag_field="type", tag="api_key.expiration_changed"):
    expires_at: datetime | None


class KeyRotated(Struct, frozen=True, tag_field="type", tag="api_key.rotated"):
    """`secret_version` counts from 1. No earlier secret is valid after `previous_valid_until`.

    `ends_previous_when_used`: nor is any valid after the first accepted use of this secret. Absent in a rotation whose
    overlap was stated, and in those from before there was this rule.
    """

    secret_version: int
    secret: SecretRecord
    rotated_at: datetime
    previous_valid_until: datetime
    ends_previous_when_used: Literal[True] | UnsetType = UNSET


class KeySecretRetired(Struct, frozen=True, tag_field="type", tag="api_key.secret_retired"):
    """The overlap of a rotation is over: this secret will never be accepted again."""

    secret_version: int
    retired_at: datetime


class KeyDisabled(Struct, frozen=True, tag_field="type", tag="api_key.disabled"):
    disabled_at: datetime


class KeyEnabled(Struct, frozen=True, tag_field="type", tag="api_key.enabled"):
    enabled_at: datetime


class KeyRevoked(Struct, frozen=True, tag_field="type", tag="api_key.revoked"):
    """For ever."""

    revoked_at: datetime
    reason: RevocationReason
    note: str = ""


class KeyExpired(Struct, frozen=True, tag_field="type", tag="api_key.expired"):
    """Recorded after the fact: the key is refused from `expires_at` on, whether or not this event is there yet."""

    expired_at: datetime


KeyEvent = (
    KeyCreated
    | KeyDetailsChanged
    | KeyPermissionsChanged
    | KeyExpirationChanged
    | KeyRotated
    | KeySecretRetired
    | KeyDisabled
    | KeyEnabled
    | KeyRevoked
    | KeyExpired
)
