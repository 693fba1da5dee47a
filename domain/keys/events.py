"""Events of a key.

Evolution rules: a released event never changes. A new field needs a default. Any other change is a new schema version
with an upcaster in `eventstore/codec.py` and a sample in `tests/golden/`. Names are in the past tense. The wire name
(`api_key.created`) appears in the log, the audit view and webhooks.
"""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from domain.actor import Actor
from domain.environment import Environment
from domain.keys.permissions import Permissions
from domain.secret import SecretRecord

RevocationReason = Literal["compromised", "superseded", "owner_removed", "no_longer_needed", "unspecified"]


PER_SECOND_MAX = 1_000_000


class RateLimit(Struct, frozen=True, forbid_unknown_fields=True):
    # `extra_json_schema` only documents: `domain.keys.fields` enforces the limits.
    per_second: Annotated[
        int,
        Meta(description="Requests per second.", extra_json_schema={"minimum": 1, "maximum": PER_SECOND_MAX}),
    ]


class KeyCreated(Struct, frozen=True, tag_field="type", tag="api_key.created"):
    """The key was created. `imported`: its secret is that of another system. The field is absent otherwise."""

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
    imported: Literal[True] | UnsetType = UNSET


class KeyDetailsChanged(Struct, frozen=True, tag_field="type", tag="api_key.details_changed"):
    """Texts for people changed. They affect no decision."""

    name: str
    description: str
    metadata: dict[str, str]


class KeyPermissionsChanged(Struct, frozen=True, tag_field="type", tag="api_key.permissions_changed"):
    """The permissions changed. Contains everything that determines the key's scope from now on, changed or not."""

    permissions: Permissions
    rate_limit: RateLimit | None
    allowed_ips: tuple[str, ...]


class KeyExpirationChanged(Struct, frozen=True, tag_field="type", tag="api_key.expiration_changed"):
    expires_at: datetime | None


class KeyRotated(Struct, frozen=True, tag_field="type", tag="api_key.rotated"):
    """The key got a new secret, number `secret_version` (from 1). Earlier secrets end by `previous_valid_until`.

    `ends_previous_when_used`: earlier secrets also end with the first accepted use of this one. It is absent if the
    caller specified the overlap, and in rotations that are older than this rule.
    """

    secret_version: int
    secret: SecretRecord
    rotated_at: datetime
    previous_valid_until: datetime
    ends_previous_when_used: Literal[True] | UnsetType = UNSET


class KeySecretRetired(Struct, frozen=True, tag_field="type", tag="api_key.secret_retired"):
    """The overlap of a rotation is over. This secret is never accepted again."""

    secret_version: int
    retired_at: datetime


class KeyDisabled(Struct, frozen=True, tag_field="type", tag="api_key.disabled"):
    disabled_at: datetime


class KeyEnabled(Struct, frozen=True, tag_field="type", tag="api_key.enabled"):
    enabled_at: datetime


class KeyRevoked(Struct, frozen=True, tag_field="type", tag="api_key.revoked"):
    """The key was revoked permanently."""

    revoked_at: datetime
    reason: RevocationReason
    note: str = ""


class KeyExpired(Struct, frozen=True, tag_field="type", tag="api_key.expired"):
    """The key has expired. Recorded afterwards: the key is refused from `expires_at` on, with or without this event."""

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
