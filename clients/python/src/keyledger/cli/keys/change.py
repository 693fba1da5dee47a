"""`keyledger keys …`: changes of a key other than its revocation."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from keyledger.cli.changes import given, require_changes
from keyledger.cli.exit_codes import UsageError
from keyledger.cli.keys.create import rate_limit_of
from keyledger.cli.keys.expiry import expiry_of, explained_expiry
from keyledger.cli.keys.permissions import are_given, permissions_of
from keyledger.cli.keys.read import key_fields
from keyledger.cli.output import plural, show, tell
from keyledger.cli.questions import confirm
from keyledger.cli.secrets_once import secret_file, show_secret
from keyledger.cli.settings import client_of
from keyledger.cli.times import exact, when
from keyledger.models.keys import Key, KeyDetail, RotatedKey, SecretDates
from keyledger.models.permissions import Permissions


def update(arguments: argparse.Namespace) -> int:
    """Change what the options set. Permissions are changed as a whole, so a change in between is reported."""
    for one, other in (("any_ip", "allowed_ip"), ("no_rate_limit", "rate_limit"), ("no_mcps", "all_mcps")):
        if getattr(arguments, one) and getattr(arguments, other):
            raise UsageError(f"--{one.replace('_', '-')} and --{other.replace('_', '-')} exclude each other.")
    changes = _changes(arguments)
    has_permissions = are_given(arguments) or arguments.no_mcps or arguments.no_manage
    require_changes(changes, has_permissions, "--name or --mcp")
    with client_of(arguments) as client, explained_expiry():
        if has_permissions:
            current = client.keys.get(arguments.id)
            changes["permissions"] = _permissions(arguments, current.permissions)
            changes["if_match"] = current.revision
        changed = client.keys.update(arguments.id, **changes)
    return show(arguments, changed, key_fields(changed))


def rotate(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client, secret_file(arguments) as file:
        rotated = client.keys.rotate(arguments.id, overlap_seconds=arguments.overlap_seconds)
        fields = [*key_fields(rotated), ("old secret", _end_of_old_secret(arguments, rotated))]
        return show_secret(arguments, file, rotated, rotated.key, fields, remedy=f"keyledger keys rotate {rotated.id}")


def end_secrets(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        if not arguments.yes:
            earlier = _working_earlier_secrets(client.keys.get(arguments.id))
            if earlier:
                confirm(arguments, _described(earlier), "End them immediately?")
        changed = client.keys.end_secrets(arguments.id)
    return tell(arguments, changed, f"Only the newest secret of {changed.id} works now.")


def disable(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        return _tell(arguments, client.keys.disable(arguments.id))


def enable(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        return _tell(arguments, client.keys.enable(arguments.id))


def _working_earlier_secrets(key: KeyDetail) -> list[SecretDates]:
    newest, at = max(secret.version for secret in key.secrets), datetime.now(UTC)
    return [
        secret
        for secret in key.secrets
        if secret.version < newest and secret.valid_until is not None and secret.valid_until > at
    ]


def _described(secrets: Sequence[SecretDates]) -> str:
    """Return which secrets a client may still use, with their last use."""
    uses = [secret.last_used for secret in secrets if secret.last_used is not None]
    used = f"last used {when(max(uses))}" if uses else "not known to be used"
    return f"{plural(len(secrets), 'earlier secret')} {'works' if len(secrets) == 1 else 'work'} ({used})."


def _end_of_old_secret(arguments: argparse.Namespace, rotated: RotatedKey) -> str:
    end = rotated.previous_valid_until
    if end <= datetime.now(UTC):
        return "no longer works"
    first_use = "the first use of the new one, at the latest until " if arguments.overlap_seconds is None else ""
    return f"works until {first_use}{exact(end)}"


def _changes(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the fields other than permissions that the options set."""
    changes = given(arguments, "name", "description")
    if arguments.never:
        changes["expires_at"] = None
    elif (expires_at := expiry_of(arguments)) is not None:
        changes["expires_at"] = expires_at
    if arguments.no_rate_limit or arguments.rate_limit is not None:
        changes["rate_limit"] = rate_limit_of(arguments)
    if arguments.any_ip or arguments.allowed_ip:
        changes["allowed_ips"] = arguments.allowed_ip or []
    if arguments.metadata:
        changes["metadata"] = dict(arguments.metadata)
    return changes


def _permissions(arguments: argparse.Namespace, current: Permissions) -> Permissions:
    kept = Permissions(
        mcps=() if arguments.no_mcps else current.mcps,
        tools={} if arguments.no_mcps else current.tools,
        manage=() if arguments.no_manage else current.manage,
    )
    return permissions_of(arguments, kept)


def _tell(arguments: argparse.Namespace, key: Key) -> int:
    return tell(arguments, key, f"{key.id} is {key.status}.")
