"""Decisions about a key: `decide` returns events. `evolve`, in `evolve.py`, returns the next state.

A command that would change nothing returns no event, so commands can be repeated.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import assert_never, get_args

from msgspec import UNSET
from msgspec.structs import replace

from domain.actor import Actor, KeyActor
from domain.decider import Decider
from domain.fields import FieldErrors
from domain.keys.commands import (
    ChangeKey,
    CreateKey,
    DisableKey,
    EnableKey,
    EndEarlierSecrets,
    ExpireKey,
    KeyCommand,
    NarrowGrants,
    RetireSecrets,
    RevokeKey,
    RotateKey,
)
from domain.keys.delegation import Scope, require_within, scope_of
from domain.keys.errors import (
    KeyHasExpired,
    KeyIsRevoked,
    KeyLimitReached,
    KeyNotFound,
    LastActiveKey,
)
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
from domain.keys.evolve import evolve, rotated_key
from domain.keys.fields import (
    LAST_KEY_LASTS,
    NOTE_LENGTH_MAX,
    UNUSED_SECONDS,
    VALID_SECRETS_MAX,
    check_added_grants,
    check_allowed_ips,
    check_expires_at,
    check_manage_of_imported,
    check_metadata,
    check_overlap,
    check_permissions,
    check_rate_limit,
    check_shown_parts,
    check_without_secrets,
)
from domain.keys.state import (
    Active,
    Disabled,
    Existing,
    Expired,
    Key,
    KeyState,
    Revoked,
    SecretVersion,
)
from domain.plans.plan import KeyCounts
from domain.refusal import Conflict
from domain.secret import SecretRecord, redact


def decide(state: KeyState, command: KeyCommand) -> tuple[KeyEvent, ...]:  # noqa: C901, PLR0911 -- one return a command
    match command:
        case CreateKey():
            return _create(state, command)
        case ChangeKey():
            return _change(_changeable(state, command.at), command)
        case RotateKey():
            return _rotate(_changeable(state, command.at).key, command)
        case RetireSecrets():
            return _retire(_existing(state).key, command)
        case EndEarlierSecrets():
            return _end_earlier(_changeable(state, command.at).key, command.at)
        case DisableKey():
            return _disable(_changeable(state, command.at), command)
        case EnableKey():
            return _enable(_changeable(state, command.at), command)
        case RevokeKey():
            return _revoke(_existing(state), command)
        case NarrowGrants():
            return _narrow_grants(_existing(state), command)
        case ExpireKey():
            return _expire(_existing(state), command.at)
        case _:
            assert_never(command)


def _existing(state: KeyState) -> Existing:
    if state is None:
        raise KeyNotFound
    return state


def _changeable(state: KeyState, at: datetime) -> Active | Disabled:
    """Return the key if it can still be changed. A key past its expiry counts as expired even without an event."""
    match _existing(state):
        case Revoked():
            raise KeyIsRevoked
        case Expired():
            raise KeyHasExpired
        case (Active() | Disabled()) as changeable:
            if changeable.key.has_expired(at):
                raise KeyHasExpired
            return changeable
        case _:
            assert_never(state)


def _create(state: KeyState, command: CreateKey) -> tuple[KeyEvent, ...]:
    if state is not None:
        raise Conflict("There is a key with this id already.")
    problems = FieldErrors()
    own = None if command.imported is UNSET else command.secret.digest
    check_without_secrets(problems, own, command.known_secrets, command.name, command.description, command.metadata)
    problems.name("name", command.name)
    problems.description("description", command.description)
    expires_at = check_expires_at(problems, command.expires_at, command.at)
    check_metadata(problems, command.metadata)
    check_allowed_ips(problems, command.allowed_ips)
    check_rate_limit(problems, command.rate_limit)
    check_permissions(problems, command.permissions, command.known_mcps)
    if command.imported is not UNSET:
        check_shown_parts(problems, command.secret)
        check_manage_of_imported(problems, command.permissions)
    problems.raise_if_any()
    wanted = Scope(command.permissions, command.environment, expires_at, command.allowed_ips)
    require_within(command.authority, wanted, command.known_mcps)
    counts = command.counts
    if counts.limit is not None and counts.used + command.keys > counts.limit:
        raise KeyLimitReached(limit=counts.limit, used=counts.used, plan=counts.plan)
    return (
        KeyCreated(
            key_id=command.key_id,
            organization_id=command.organization_id,
            name=command.name,
            environment=command.environment,
            permissions=command.permissions,
            secret=command.secret,
            created_at=command.at,
            created_by=command.by,
            description=command.description,
            expires_at=expires_at,
            rate_limit=command.rate_limit,
            allowed_ips=command.allowed_ips,
            metadata=command.metadata,
            imported=command.imported,
        ),
    )


def _change(state: Active | Disabled, command: ChangeKey) -> tuple[KeyEvent, ...]:
    key = state.key
    name = key.name if command.name is UNSET else command.name
    description = key.description if command.description is UNSET else command.description
    metadata = key.metadata if command.metadata is UNSET else command.metadata
    permissions = key.permissions if command.permissions is UNSET else command.permissions
    rate_limit = key.rate_limit if command.rate_limit is UNSET else command.rate_limit
    allowed_ips = key.allowed_ips if command.allowed_ips is UNSET else command.allowed_ips
    expires_at = key.expires_at if command.expires_at is UNSET else command.expires_at

    problems = FieldErrors()
    check_without_secrets(problems, None, command.known_secrets, name, description, metadata)
    problems.name("name", name)
    problems.description("description", description)
    check_metadata(problems, metadata)
    check_rate_limit(problems, rate_limit)
    if allowed_ips != key.allowed_ips:
        check_allowed_ips(problems, allowed_ips)
    if permissions != key.permissions:
        check_permissions(problems, permissions, command.known_mcps)
        check_added_grants(problems, key, permissions, command.at)
    expires_at = check_expires_at(problems, expires_at, command.at)
    problems.raise_if_any()
    wanted = Scope(permissions, key.environment, expires_at, allowed_ips)
    require_within(command.authority, wanted, command.known_mcps, before=scope_of(key))

    events: list[KeyEvent] = []
    if (name, description, metadata) != (key.name, key.description, key.metadata):
        events.append(KeyDetailsChanged(name=name, description=description, metadata=metadata))
    if (permissions, rate_limit, allowed_ips) != (key.permissions, key.rate_limit, key.allowed_ips):
        events.append(
            KeyPermissionsChanged(permissions=permissions, rate_limit=rate_limit, allowed_ips=allowed_ips),
        )
    if expires_at != key.expires_at:
        ends_soon = expires_at is not None and expires_at - command.at < LAST_KEY_LASTS
        if ends_soon and _is_last_and_own(state, command.by, command.counts):
            raise LastActiveKey("Cannot let your only active key expire within a day")
        events.append(KeyExpirationChanged(expires_at=expires_at))
    return tuple(events)


def _rotate(key: Key, command: RotateKey) -> tuple[KeyEvent, ...]:
    # The caller who rotates a key receives its secret, and with the secret everything the key may do.
    require_within(command.authority, scope_of(key), command.known_mcps)
    if command.secret == key.current_secret.record:
        return ()
    if any(command.secret.digest == secret.digest for secret in key.secrets):
        raise Conflict("The key had this secret before. A new secret is needed.")
    # If the clock was set back, the new secret must not be older than the previous one.
    at = max(command.at, key.current_secret.created_at)
    valid = [secret for secret in key.secrets if secret.is_valid(at) and secret.version >= command.used_version]
    if command.overlap_seconds is None:
        return _rotate_until_used(key, command.secret, at, valid)
    problems = FieldErrors()
    check_overlap(problems, command.overlap_seconds, len(valid))
    problems.raise_if_any()
    rotated = KeyRotated(
        secret_version=key.current_secret.version + 1,
        secret=command.secret,
        rotated_at=at,
        previous_valid_until=_ends_with_key(key, at + timedelta(seconds=command.overlap_seconds)),
    )
    return (rotated, *_retire(rotated_key(key, rotated), RetireSecrets(at)))


def _rotate_until_used(
    key: Key, secret: SecretRecord, at: datetime, valid: Sequence[SecretVersion]
) -> tuple[KeyEvent, ...]:
    """Rotate so that earlier secrets end with the first use of the new one, which shows that the caller received it."""
    rotated = KeyRotated(
        secret_version=key.current_secret.version + 1,
        secret=secret,
        rotated_at=at,
        previous_valid_until=_ends_with_key(key, at + timedelta(seconds=UNUSED_SECONDS)),
        ends_previous_when_used=True,
    )
    # The first valid secret may be in use. A later one that ends its predecessors was never used while one of these is
    # still valid, so it can be retired without harm.
    unused = [each.version for each in valid[1:] if each.ends_previous_when_used is not UNSET]
    surplus = unused[:1] if len(valid) >= VALID_SECRETS_MAX else []
    return (rotated, *[KeySecretRetired(secret_version=version, retired_at=at) for version in surplus])


def _ends_with_key(key: Key, end: datetime) -> datetime:
    return end if key.expires_at is None else min(end, key.expires_at)


def _retire(key: Key, command: RetireSecrets) -> tuple[KeyEvent, ...]:
    events: list[KeyEvent] = []
    for secret in key.secrets:
        if secret.retired or secret.valid_until is None:
            continue
        if secret.valid_until <= command.at:
            events.append(KeySecretRetired(secret_version=secret.version, retired_at=command.at))
        elif secret.version < command.used_version and command.used_at is not None:
            events.append(KeySecretRetired(secret_version=secret.version, retired_at=command.used_at))
    return tuple(events)


def _end_earlier(key: Key, at: datetime) -> tuple[KeyEvent, ...]:
    return _retire(key, RetireSecrets(at, used_version=key.current_secret.version, used_at=at))


def _disable(state: Active | Disabled, command: DisableKey) -> tuple[KeyEvent, ...]:
    if isinstance(state, Disabled):
        return ()
    if _is_last_and_own(state, command.by, command.counts):
        raise LastActiveKey("Cannot disable your only active key")
    return (KeyDisabled(disabled_at=command.at),)


def _is_last_and_own(state: Existing, by: Actor | None, counts: KeyCounts | None) -> bool:
    """Return whether a key would end itself while it is the organization's only active key."""
    is_own = by == KeyActor(state.key.id)
    return is_own and isinstance(state, Active) and counts is not None and counts.active <= 1


def _enable(state: Active | Disabled, command: EnableKey) -> tuple[KeyEvent, ...]:
    if isinstance(state, Active):
        return ()
    require_within(command.authority, scope_of(state.key), command.known_mcps)
    return (KeyEnabled(enabled_at=command.at),)


def _revoke(state: Existing, command: RevokeKey) -> tuple[KeyEvent, ...]:
    # A caller who reports a leak may quote the leaked secret, and that must not prevent the revocation.
    note = redact(command.note)
    problems = FieldErrors()
    problems.text("note", note, NOTE_LENGTH_MAX)
    problems.raise_if_any()
    match state:
        case Revoked():
            return ()
        case Active() | Disabled() | Expired():
            if _is_last_and_own(state, command.by, command.counts):
                raise LastActiveKey
            return (KeyRevoked(revoked_at=command.at, reason=command.reason, note=note),)
        case _:
            assert_never(state)


def _narrow_grants(state: Existing, command: NarrowGrants) -> tuple[KeyEvent, ...]:
    key = state.key
    kept = tuple([grant for grant in key.permissions.manage if grant in command.held])
    match state:
        case Active() | Disabled():
            if kept == key.permissions.manage:
                return ()
            permissions = replace(key.permissions, manage=kept)
            return (KeyPermissionsChanged(permissions, key.rate_limit, key.allowed_ips),)
        case Expired() | Revoked():
            return ()
        case _:
            assert_never(state)


def _expire(state: Existing, at: datetime) -> tuple[KeyEvent, ...]:
    match state:
        case Active() | Disabled():
            return (KeyExpired(expired_at=at),) if state.key.has_expired(at) else ()
        case Expired() | Revoked():
            return ()
        case _:
            assert_never(state)


KEY: Decider[KeyState, KeyCommand, KeyEvent] = Decider(
    kind="api_key",
    initial=None,
    decide=decide,
    evolve=evolve,
    event_types=get_args(KeyEvent),
)
