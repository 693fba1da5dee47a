"""State of a key after an event."""

from datetime import datetime
from typing import assert_never

from msgspec import UNSET
from msgspec.structs import replace

from domain.decider import ImpossibleHistory
from domain.keys.events import (
    KeyCreated,
    KeyDetailsChanged,
    KeyDisabled,
    KeyEnabled,
    KeyEvent,
    KeyExpirationChanged,
    KeyExpired,
    KeyPermissionsChanged,
    KeyRevoked,
    KeyRotated,
    KeySecretRetired,
)
from domain.keys.state import (
    RETIRED_SECRETS_KEPT,
    Active,
    Disabled,
    Existing,
    Expired,
    Key,
    KeyState,
    Revoked,
    SecretVersion,
)


def evolve(state: KeyState, event: KeyEvent) -> KeyState:  # noqa: C901, PLR0911 -- one return an event
    if isinstance(event, KeyCreated):
        return _created(state, event)
    if state is None or not _can_follow(state, event):
        raise ImpossibleHistory(event)
    key = replace(state.key, revision=state.key.revision + 1)
    match event:
        case KeyDetailsChanged():
            key = replace(key, name=event.name, description=event.description, metadata=event.metadata)
            return replace(state, key=key)
        case KeyPermissionsChanged():
            key = replace(
                key, permissions=event.permissions, rate_limit=event.rate_limit, allowed_ips=event.allowed_ips
            )
            return replace(state, key=key)
        case KeyExpirationChanged():
            return replace(state, key=replace(key, expires_at=event.expires_at))
        case KeyRotated():
            return replace(state, key=rotated_key(key, event))
        case KeySecretRetired():
            return replace(state, key=replace(key, secrets=_retired(key.secrets, event)))
        case KeyDisabled():
            return Disabled(key=key, disabled_at=event.disabled_at)
        case KeyEnabled():
            return Active(key=key)
        case KeyRevoked():
            return Revoked(key=key, revoked_at=event.revoked_at, reason=event.reason, note=event.note)
        case KeyExpired():
            return Expired(key=key, expired_at=event.expired_at)
        case _:
            assert_never(event)


def _can_follow(state: Existing, event: KeyEvent) -> bool:
    match state:
        case Active() | Disabled():
            return True
        case Expired():
            return isinstance(event, KeySecretRetired | KeyRevoked)
        case Revoked():
            return isinstance(event, KeySecretRetired)
        case _:
            assert_never(state)


def _created(state: KeyState, event: KeyCreated) -> Active:
    if state is not None:
        raise ImpossibleHistory(event)
    secret = SecretVersion(
        version=1,
        digest=event.secret.digest,
        prefix=event.secret.prefix,
        last4=event.secret.last4,
        created_at=event.created_at,
        imported=event.imported,
    )
    return Active(
        key=Key(
            id=event.key_id,
            organization_id=event.organization_id,
            name=event.name,
            description=event.description,
            environment=event.environment,
            permissions=event.permissions,
            rate_limit=event.rate_limit,
            allowed_ips=event.allowed_ips,
            metadata=event.metadata,
            expires_at=event.expires_at,
            created_at=event.created_at,
            created_by=event.created_by,
            secrets=(secret,),
            revision=1,
        )
    )


def rotated_key(key: Key, event: KeyRotated) -> Key:
    """Return the key with the new secret as the current one. Every earlier secret ends with the overlap or before."""
    end = event.previous_valid_until
    earlier = tuple(
        secret if secret.valid_until is not None and secret.valid_until <= end else replace(secret, valid_until=end)
        for secret in key.secrets
    )
    if event.ends_previous_when_used is UNSET:
        # The overlap applies to all earlier secrets: a use of one does not end the others early.
        earlier = tuple(replace(secret, ends_previous_when_used=UNSET) for secret in earlier)
    current = SecretVersion(
        version=event.secret_version,
        digest=event.secret.digest,
        prefix=event.secret.prefix,
        last4=event.secret.last4,
        created_at=event.rotated_at,
        ends_previous_when_used=event.ends_previous_when_used,
    )
    return replace(key, secrets=(*earlier, current))


def _ended(secret: SecretVersion, at: datetime) -> SecretVersion:
    end = at if secret.valid_until is None else min(secret.valid_until, at)
    return replace(secret, retired=True, valid_until=end)


def _retired(secrets: tuple[SecretVersion, ...], event: KeySecretRetired) -> tuple[SecretVersion, ...]:
    marked = [_ended(s, event.retired_at) if s.version == event.secret_version else s for s in secrets]
    surplus = sum(s.retired for s in marked) - RETIRED_SECRETS_KEPT
    forgotten = {s.version for s in [s for s in marked if s.retired][: max(surplus, 0)]}
    return tuple(s for s in marked if s.version not in forgotten)
