"""JSON form of a key."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, assert_never

from app.api.api_keys.key_context import KeyContext
from app.api.schemas import to_creator
from domain.keys.events import KeyEvent
from domain.keys.permissions import Permissions
from domain.keys.state import Active, Disabled, Existing, Expired, KeyState, Revoked, SecretVersion
from eventstore.execute import Change
from projections.read_models.keys.list.queries import UsedSecret
from projections.read_models.usage.queries import KeyUsage


def changed_key(change: Change[KeyState, KeyEvent], context: KeyContext) -> dict[str, Any]:
    """Return the JSON form of a key after a change."""
    if change.after is None:
        raise LookupError(f"{change.stream_id} has no state after a change")
    return key_shape(change.after, change.at, context.usage, context.emails)


def key_shape(state: Existing, at: datetime, usage: KeyUsage, emails: Mapping[str, str]) -> dict[str, Any]:
    """Return everything about a key except its secret. `at` decides whether it has expired.

    `emails` maps user ids to addresses.
    """
    key = state.key
    secret = key.current_secret
    return {
        "id": key.id,
        "name": key.name,
        "description": key.description,
        "prefix": secret.prefix,
        "last4": secret.last4,
        "environment": key.environment,
        "status": status_of(state, at),
        "created_at": key.created_at,
        "created_by": to_creator(key.created_by, emails),
        "last_used": usage.last_used,
        "expires_at": key.expires_at,
        "revoked_at": state.revoked_at if isinstance(state, Revoked) else None,
        "revoked_reason": state.reason if isinstance(state, Revoked) else None,
        "permissions": permissions_shape(key.permissions),
        "rate_limit": key.rate_limit,
        "allowed_ips": key.allowed_ips,
        "metadata": key.metadata,
        "revision": key.revision,
        "usage": {
            "total_requests": usage.total_requests,
            "requests_today": usage.requests_today,
            "requests_this_week": usage.requests_this_week,
            "requests_this_month": usage.requests_this_month,
        },
    }


def permissions_shape(permissions: Permissions) -> dict[str, Any]:
    """Return all three parts of the permissions. Events omit empty parts, responses do not."""
    return {"mcps": permissions.mcps, "tools": permissions.tools, "manage": permissions.manage}


def secrets_shape(state: Existing, last_used: Mapping[int, datetime], used: UsedSecret | None) -> list[dict[str, Any]]:
    """Return the versions of a key's secret, newest first, without the secrets and their digests.

    `used` is a version whose first use ended the earlier versions but is not yet part of the key's state.
    """
    return [
        {
            "version": secret.version,
            "created_at": secret.created_at,
            "last_used": last_used.get(secret.version),
            "valid_until": _ends_at(secret, state, used),
        }
        for secret in reversed(state.key.secrets)
    ]


def _ends_at(secret: SecretVersion, state: Existing, used: UsedSecret | None) -> datetime | None:
    """Return when a secret stops working: never later than its key, even if the key ended after the rotation."""
    if secret.valid_until is None:
        return None
    ends = [secret.valid_until]
    if state.key.expires_at is not None:
        ends.append(state.key.expires_at)
    if isinstance(state, Revoked):
        ends.append(state.revoked_at)
    if used is not None and secret.version < used.version:
        ends.append(used.used_at)
    return min(ends)


def status_of(state: Existing, at: datetime) -> str:
    """Return the status at `at`. A key past its expiry is expired, even before the expiry is recorded."""
    match state:
        case Active() | Disabled():
            return "expired" if state.key.has_expired(at) else str(state.__struct_config__.tag)
        case Expired() | Revoked():
            return str(state.__struct_config__.tag)
        case _:
            assert_never(state)
