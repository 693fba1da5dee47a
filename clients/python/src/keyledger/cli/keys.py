"""`keyledger keys …`"""

import argparse
from functools import partial

from keyledger.cli import exit_codes
from keyledger.cli.activity import ENTRY_TITLES, entry_row, show_activity
from keyledger.cli.exit_codes import UsageError
from keyledger.cli.lists import per_page, show_list
from keyledger.cli.output import KEY_TITLES, day, key_row, print_fields, print_json, print_table
from keyledger.cli.settings import client_of, found_secret, key_argument
from keyledger.models.keys import CreatedKey, Key, ReviewedKeys
from keyledger.models.permissions import Permissions
from keyledger.secret import flaw_of


def create(arguments: argparse.Namespace) -> int:
    permissions = Permissions(
        mcps="*" if arguments.all_mcps else tuple(arguments.mcp or ()), manage=tuple(arguments.manage or ())
    )
    if arguments.all_mcps and arguments.mcp:
        raise UsageError("--all-mcps and --mcp exclude each other. Use one of them.")
    with client_of(arguments) as client:
        created = client.keys.create(
            arguments.name,
            description=arguments.description,
            permissions=permissions,
            environment=arguments.environment,
            expires_in_days=arguments.expires_in_days,
            allowed_ips=arguments.allowed_ip,
        )
    return _print_secret(arguments, created)


def list_keys(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        found = client.keys.iterate(
            status=arguments.status,
            environment=arguments.environment,
            mcp_id=arguments.mcp,
            created_by=arguments.created_by,
            expiring_within_days=arguments.expiring_within_days,
            unused_for_days=arguments.unused_for_days,
            never_used_for_days=arguments.never_used_for_days,
            expires=arguments.expires,
            mcp_access=arguments.mcp_access,
            rotation_ends_within_days=arguments.rotation_ends_within_days,
            open_grant=arguments.open_grant,
            q=arguments.search,
            sort=arguments.sort,
            order=arguments.order,
            per_page=per_page(arguments.limit),
        )
        return show_list(arguments, found, KEY_TITLES, key_row)


def review(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        reviewed = client.keys.review()
    if arguments.json:
        print_json(reviewed)
    else:
        print_table(
            ("ACTIVE KEYS", "COUNT"),
            [
                ("never expire", _counted(reviewed.never_expire)),
                ("not used for 90 days", _counted(reviewed.unused)),
                ("created 7 days ago or earlier, never used", _counted(reviewed.never_used)),
                ("reach all MCP servers", _counted(reviewed.all_mcps)),
                ("can change keys, from any IP address", _counted(reviewed.open_managers)),
            ],
        )
    return exit_codes.OK


def get(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        key = client.keys.get(arguments.id)
    if arguments.json:
        print_json(key)
        return exit_codes.OK
    _print_key(key)
    print()
    print_table(ENTRY_TITLES, [entry_row(entry) for entry in key.recent_activity])
    return exit_codes.OK


def list_activity(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        return show_activity(
            arguments,
            partial(client.keys.list_activity, arguments.id, type=arguments.type),
            partial(client.keys.iterate_activity, arguments.id, type=arguments.type),
        )


def rotate(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        rotated = client.keys.rotate(arguments.id, overlap_seconds=arguments.overlap_seconds)
    return _print_secret(arguments, rotated)


def revoke(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        revoked = client.keys.revoke(arguments.id, reason=arguments.reason, note=arguments.note)
    if arguments.json:
        print_json(revoked)
    else:
        print(f"{revoked.id} was revoked at {day(revoked.revoked_at)} UTC. Revocation is permanent.")
    return exit_codes.OK


def disable(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        return _print_changed(arguments, client.keys.disable(arguments.id))


def enable(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        return _print_changed(arguments, client.keys.enable(arguments.id))


def end_secrets(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        return _print_changed(arguments, client.keys.end_secrets(arguments.id))


def verify(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        answer = client.verify(key_argument(arguments.key), mcp_id=arguments.mcp, tool=arguments.tool)
    if arguments.json:
        print_json(answer)
    else:
        named = f"{answer.key_id} ({answer.name})" if answer.key_id else "The key"
        print_fields([("valid", "yes" if answer.valid else "no"), ("code", answer.code), ("key", named)])
    return exit_codes.OK if answer.valid else exit_codes.REFUSED


def identify(arguments: argparse.Namespace) -> int:
    secret = found_secret()
    flaw = flaw_of(secret)
    if flaw is not None:
        raise UsageError(f"This is not a whole key, so it cannot be identified. {flaw.hint}")
    with client_of(arguments) as client:
        identification = client.keys.identify(secret)
    key = identification.key
    if arguments.json:
        print_json(identification)
    elif key is None:
        print("No key that you can see has this secret. It may belong to another organization or installation.")
    else:
        version = f"{key.secret_version}{'' if key.is_current else ', replaced by a newer one'}"
        print_fields([("key", f"{key.id} ({key.name})"), ("status", key.status), ("secret version", version)])
    return exit_codes.REFUSED if key is None else exit_codes.OK


def _counted(reviewed: ReviewedKeys) -> str:
    return f"{reviewed.keys}" if reviewed.exact else f"at least {reviewed.keys}"


def _print_secret(arguments: argparse.Namespace, made: CreatedKey) -> int:
    """Print the secret, which is shown only once. With `secret_only`, standard output contains nothing else."""
    if arguments.secret_only:
        print(made.key.reveal())
    elif arguments.json:
        print_json(made)
    else:
        _print_key(made)
        print(f"\n{made.key.reveal()}\n\nThis is the secret. Store it now: it is not shown again.")
    return exit_codes.OK


def _print_changed(arguments: argparse.Namespace, key: Key) -> int:
    if arguments.json:
        print_json(key)
    else:
        print(f"{key.id} is {key.status}.")
    return exit_codes.OK


def _print_key(key: Key) -> None:
    mcps = key.permissions.mcps
    print_fields(
        [
            ("id", key.id),
            ("name", key.name),
            ("description", key.description),
            ("key", f"{key.prefix}…{key.last4}"),
            ("environment", key.environment),
            ("status", key.status),
            ("created", f"{day(key.created_at)} by {key.created_by.name or key.created_by.id}"),
            ("expires", day(key.expires_at) or "never"),
            ("last used", day(key.last_used) or "never"),
            ("mcps", "all" if mcps == "*" else ", ".join(mcps)),
            ("manages", ", ".join(key.permissions.manage)),
            ("revision", str(key.revision)),
        ]
    )
