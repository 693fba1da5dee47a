"""Keys in requests and responses."""

from datetime import UTC, datetime
from typing import Annotated, Literal, assert_never

from msgspec import Meta, Struct

from app.api import examples
from app.api.api_keys.key_context import KeyContext
from app.api.schemas import Count, Creator, KeyId, Revision, Time, to_creator
from app.http.decoding import Instant
from domain.environment import Environment
from domain.grants import Grant
from domain.keys import permissions as domain
from domain.keys.events import KeyEvent, RateLimit, RevocationReason
from domain.keys.fields import (
    ALLOWED_IPS_MAX,
    METADATA_KEY_LENGTH_MAX,
    METADATA_PAIRS_MAX,
    METADATA_VALUE_LENGTH_MAX,
)
from domain.keys.permissions import ToolRule
from domain.keys.state import Active, Disabled, Existing, Expired, KeyState, Revoked
from eventstore.execute import Change
from projections.log_queries.names.queries import Names
from projections.read_models.keys.list.filters import Status
from projections.read_models.usage import queries as usage_queries

ExpiresAt = Annotated[Instant, Meta(description="A time in the future (RFC 3339, before the year 9999). Null: never.")]
AllowedIps = Annotated[
    tuple[str, ...],
    Meta(
        description="Networks (CIDR, IPv4 and IPv6) or addresses that the key may be used from. A network has a "
        "prefix length, not a netmask. Empty: no restriction.",
        examples=[["10.0.0.0/8", "2001:db8::/32"]],
        extra_json_schema={"maxItems": ALLOWED_IPS_MAX},
    ),
]
Metadata = Annotated[
    dict[str, Annotated[str, Meta(extra_json_schema={"maxLength": METADATA_VALUE_LENGTH_MAX})]],
    Meta(
        description=f"Custom name-value pairs. Names have 1 to {METADATA_KEY_LENGTH_MAX} characters.",
        extra_json_schema={
            "maxProperties": METADATA_PAIRS_MAX,
            "propertyNames": {"minLength": 1, "maxLength": METADATA_KEY_LENGTH_MAX},
        },
    ),
]
Reason = Annotated[RevocationReason, Meta(description="The reason. It is stored in the history of the key.")]

Prefix = Annotated[
    str,
    Meta(
        description="`pk_live_` or `pk_test_` and the first four characters of the secret. Of an imported secret, what "
        "the import contained, which may be empty."
    ),
]
Last4 = Annotated[
    str, Meta(description="The last four characters of the secret. Of an imported secret, it may be empty.")
]
SecretOnce = Annotated[
    str | None,
    Meta(
        description="The secret. Only this response contains it; null in a replayed response.",
        extra_json_schema={"format": "password"},
    ),
]


class GrantedPermissions(Struct, frozen=True):
    """The permissions of the key: MCPs, their tools, and management grants."""

    mcps: Literal["*"] | tuple[str, ...]
    tools: dict[str, ToolRule]
    manage: tuple[Grant, ...]


class KeyUsage(Struct, frozen=True):
    """Accepted verifications, checks and calls. Days are UTC days, and weeks start on Monday."""

    total_requests: Count
    requests_today: Count
    requests_this_week: Count
    requests_this_month: Count


class Key(Struct, frozen=True):
    """A key, without its secret."""

    id: KeyId
    name: str
    description: str
    prefix: Prefix
    last4: Last4
    imported: Annotated[
        bool, Meta(description="Whether another system issued the current secret. A rotation replaces it.")
    ]
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


PERMISSIONS_EXAMPLE = GrantedPermissions(
    mcps=(examples.MCP_ID,), tools={examples.MCP_ID: ToolRule(allow=("get_*",), deny=())}, manage=()
)
KEY_EXAMPLE = Key(
    id=examples.KEY_ID,
    name="My agent",
    description="Reads the wiki",
    prefix="pk_live_4Gx7",
    last4="k2Qm",
    imported=False,
    environment="live",
    status="active",
    created_at=examples.THEN,
    created_by=Creator(examples.USER_ID, email="owner@example.com", name="owner@example.com"),
    last_used=examples.LATER,
    expires_at=datetime(2026, 12, 31, tzinfo=UTC),
    revoked_at=None,
    revoked_reason=None,
    permissions=PERMISSIONS_EXAMPLE,
    rate_limit=RateLimit(20),
    allowed_ips=("10.0.0.0/8",),
    metadata={"team": "search"},
    revision=3,
    usage=KeyUsage(total_requests=1200, requests_today=12, requests_this_week=80, requests_this_month=300),
)


def changed_key(change: Change[KeyState, KeyEvent], context: KeyContext) -> Key:
    """Return a key after a change."""
    if change.after is None:
        raise LookupError(f"{change.stream_id} has no state after a change")
    return to_key(change.after, change.at, context.usage, context.names)


def to_key(state: Existing, at: datetime, usage: usage_queries.KeyUsage, names: Names) -> Key:
    """Return everything about a key except its secret. `at` decides whether it has expired.

    `names` contains the name of its creator.
    """
    key = state.key
    secret = key.current_secret
    return Key(
        id=key.id,
        name=key.name,
        description=key.description,
        prefix=secret.prefix,
        last4=secret.last4,
        imported=secret.is_imported,
        environment=key.environment,
        status=status_of(state, at),
        created_at=key.created_at,
        created_by=to_creator(key.created_by, names),
        last_used=usage.last_used,
        expires_at=key.expires_at,
        revoked_at=state.revoked_at if isinstance(state, Revoked) else None,
        revoked_reason=state.reason if isinstance(state, Revoked) else None,
        permissions=to_permissions(key.permissions),
        rate_limit=key.rate_limit,
        allowed_ips=key.allowed_ips,
        metadata=key.metadata,
        revision=key.revision,
        usage=KeyUsage(
            total_requests=usage.total_requests,
            requests_today=usage.requests_today,
            requests_this_week=usage.requests_this_week,
            requests_this_month=usage.requests_this_month,
        ),
    )


def to_permissions(permissions: domain.Permissions) -> GrantedPermissions:
    """Return all three parts of the permissions. Events omit empty parts, responses do not."""
    return GrantedPermissions(permissions.mcps, permissions.tools, permissions.manage)


def status_of(state: Existing, at: datetime) -> Status:
    """Return the status at `at`. A key past its expiry is expired, even before the expiry is recorded."""
    match state:
        case Active():
            return "expired" if state.key.has_expired(at) else "active"
        case Disabled():
            return "expired" if state.key.has_expired(at) else "disabled"
        case Expired():
            return "expired"
        case Revoked():
            return "revoked"
        case _:
            assert_never(state)
