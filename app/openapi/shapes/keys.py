"""Response shapes of keys, which `app/api/api_keys/schemas.py` creates."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from app.api.schemas import Actor, Count, Creator, KeyId, Revision, Time
from domain.environment import Environment
from domain.grants import Grant
from domain.keys.events import RateLimit, RevocationReason
from domain.keys.permissions import ToolRule
from domain.usage.events import Action

Status = Literal["active", "disabled", "expired", "revoked"]
Prefix = Annotated[str, Meta(description="`pk_live_` or `pk_test_` and the first four characters of the secret.")]
Last4 = Annotated[str, Meta(description="The last four characters of the secret.")]
SecretOnce = Annotated[
    str | None,
    Meta(
        description="The secret. Only this response contains it; null in a replayed response.",
        extra_json_schema={"format": "password"},
    ),
]


class GrantedPermissions(Struct):
    """The permissions of the key: MCPs, their tools, and management grants."""

    mcps: Literal["*"] | tuple[str, ...]
    tools: dict[str, ToolRule]
    manage: tuple[Grant, ...]


class KeyUsage(Struct):
    """Accepted verifications, checks and calls. Days are UTC days, and weeks start on Monday."""

    total_requests: Count
    requests_today: Count
    requests_this_week: Count
    requests_this_month: Count


class Key(Struct):
    """A key, without its secret."""

    id: KeyId
    name: str
    description: str
    prefix: Prefix
    last4: Last4
    environment: Environment
    status: Status
    created_at: Time
    created_by: Creator
    last_used: Time | None
    expires_at: Time | None
    revoked_at: Time | None
    revoked_reason: RevocationReason | None
    permissions: GrantedPermissions
    rate_limit: RateLimit | None
    allowed_ips: tuple[str, ...]
    metadata: dict[str, str]
    revision: Revision
    usage: KeyUsage


class CreatedKey(Key):
    """A new key and its secret."""

    key: SecretOnce


class RotatedKey(Key):
    """The key with its new secret."""

    previous_valid_until: Time
    key: SecretOnce


class KeySecret(Struct):
    """One secret of the key. The current secret has a null `valid_until`."""

    version: Annotated[int, Meta(ge=1)]
    created_at: Time
    last_used: Time | None
    valid_until: Time | None


class ActivityEntry(Struct):
    """A change or a use of the key. The `status` of a call without a recorded end is `started`.

    `country` is that of `ip`, two letters (ISO 3166-1), if the service has a database that contains it.
    """

    id: str
    timestamp: Time
    event: str
    actor: Actor
    status: Literal["success", "denied", "started", "error"]
    ip: str | None
    user_agent: str | None
    revision: int | None
    action: Action | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    mcp_id: str | UnsetType = UNSET
    tool: str | UnsetType = UNSET
    country: str | UnsetType = UNSET
    latency_ms: Count | UnsetType = UNSET


class KeyDetail(Key):
    """A key with the dates of its secrets and its recent activity."""

    recent_activity: list[ActivityEntry]
    secrets: list[KeySecret]


class RevokedKey(Struct):
    id: KeyId
    status: Literal["revoked"]
    revoked_at: Time
    revision: Revision


class BriefKey(Struct):
    """One of many keys."""

    id: KeyId
    name: str
    prefix: Prefix
    last4: Last4
    status: Status


class RevokedKeys(Struct):
    """`keys` contains the first 1,000 matching keys in their current state.

    `caller_excluded`: the selectors match the calling key, which was left out because `include_caller` is false.
    """

    matched: Count
    revoked: Count
    caller_excluded: bool
    keys: list[BriefKey]


class KeyMayDo(Struct):
    """The response to a reverse proxy, which uses only its status and headers."""

    valid: Annotated[bool, Meta(extra_json_schema={"const": True})]
