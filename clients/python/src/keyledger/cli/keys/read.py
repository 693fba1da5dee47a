"""`keyledger keys …`: commands that change nothing."""

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial

from keyledger.cli import exit_codes
from keyledger.cli.activity import ENTRY_COLUMNS, entry_cells, entry_row, show_activity
from keyledger.cli.keys.permissions import reach_of
from keyledger.cli.lists import per_page, show_list
from keyledger.cli.output import plural, print_json, show, shown_secret
from keyledger.cli.settings import client_of, found_secret, key_argument
from keyledger.cli.tables import Column, print_fields, print_table
from keyledger.cli.times import exact, when
from keyledger.clients import Keyledger
from keyledger.errors import Forbidden
from keyledger.models.keys import Key, KeyClient, KeyCreator, ListedKey, ReviewedKeys, SecretDates

_COLUMNS = (
    Column("ID"),
    Column("NAME", is_cut=True),
    Column("CREATED", left_out=3),
    Column("LAST USED"),
    Column("EXPIRES"),
    Column("STATUS", has_states=True),
    Column("MCP ACCESS", is_cut=True, left_out=1),
)
_SECRETS = (
    Column("SECRET"),
    Column("KEY", left_out=1),
    Column("CREATED"),
    Column("LAST USED"),
    Column("WORKS"),
)
_CREATORS = (Column("ID"), Column("ADDRESS", is_cut=True), Column("KEYS"))
_CLIENTS = (Column("USER AGENT", is_cut=True), Column("USES"), Column("LAST USE"))
_REVIEW = (Column("ACTIVE KEYS"), Column("COUNT"))


def list_keys(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        names = _names_of_mcps(client, arguments)
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
        return show_list(arguments, found, _COLUMNS, partial(_row, names))


def review(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        reviewed = client.keys.review()
    if arguments.json:
        print_json(reviewed)
        return exit_codes.OK
    rows = [
        ("never expire", _counted(reviewed.never_expire)),
        ("not used for 90 days", _counted(reviewed.unused)),
        ("created 7 days ago or earlier, never used", _counted(reviewed.never_used)),
        ("reach all MCP servers", _counted(reviewed.all_mcps)),
        ("can change keys, from any IP address", _counted(reviewed.open_managers)),
    ]
    print_table(_REVIEW, [rows])
    return exit_codes.OK


def list_creators(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        return show_list(arguments, client.keys.list_creators(), _CREATORS, _creator_row)


def get(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        key = client.keys.get(arguments.id)
    if arguments.json:
        print_json(key)
        return exit_codes.OK
    print_fields(key_fields(key))
    print()
    at = datetime.now(UTC)
    print_table(_SECRETS, [[_secret_row(secret, at) for secret in key.secrets]])
    print()
    print_table(ENTRY_COLUMNS, [[entry_row(entry) for entry in key.recent_activity]])
    return exit_codes.OK


def list_activity(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        return show_activity(
            arguments,
            partial(client.keys.list_activity, arguments.id, type=arguments.type),
            partial(client.keys.iterate_activity, arguments.id, type=arguments.type),
            columns=ENTRY_COLUMNS,
            cells=entry_cells,
        )


def list_clients(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        found = client.keys.get_clients(arguments.id)
    if arguments.json:
        print_json(found)
        return exit_codes.OK
    print_table(_CLIENTS, [[_client_row(each) for each in found.clients]])
    if found.since is not None:
        print(f"\n{plural(found.uses, 'use')} since {exact(found.since)}, of {plural(found.total, 'client')}.")
    return exit_codes.OK


def verify(arguments: argparse.Namespace) -> int:
    key = key_argument(arguments.key)
    with client_of(arguments) as client:
        answer = client.verify(
            key, mcp_id=arguments.mcp, tool=arguments.tool, ip=arguments.ip, user_agent=arguments.user_agent
        )
    shown = f"{answer.key_id} ({answer.name})" if answer.key_id else "The key"
    show(arguments, answer, [("valid", "yes" if answer.valid else "no"), ("code", answer.code), ("key", shown)])
    return exit_codes.OK if answer.valid else exit_codes.CHECK_FAILED


def identify(arguments: argparse.Namespace) -> int:
    secret = found_secret()
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
    return exit_codes.CHECK_FAILED if key is None else exit_codes.OK


def key_fields(key: Key) -> list[tuple[str, str]]:
    """Return the properties of a key as names and values."""
    permissions = key.permissions
    return [
        ("id", key.id),
        ("name", key.name),
        ("description", key.description),
        ("key", shown_secret(key)),
        ("environment", key.environment),
        ("status", key.status),
        ("created", f"{when(key.created_at)} by {key.created_by.name or key.created_by.id}"),
        ("expires", when(key.expires_at) or "never"),
        ("revoked", "" if key.revoked_at is None else f"{when(key.revoked_at)}, {key.revoked_reason or 'unspecified'}"),
        ("last used", when(key.last_used) or "never"),
        ("reaches", reach_of(permissions)),
        ("manages", ", ".join(permissions.manage)),
        ("from", ", ".join(key.allowed_ips)),
        ("rate limit", "" if key.rate_limit is None else f"{key.rate_limit.per_second} requests per second"),
        ("metadata", ", ".join(f"{name}={value}" for name, value in key.metadata.items())),
        ("revision", str(key.revision)),
    ]


def _secret_row(secret: SecretDates, at: datetime) -> tuple[str, ...]:
    end = secret.valid_until
    works = "as long as the key" if end is None else f"until {exact(end)}" if end > at else f"ended {exact(end)}"
    return (
        str(secret.version),
        f"{secret.prefix}…{secret.last4}",
        when(secret.created_at),
        when(secret.last_used) or "never",
        works,
    )


def _names_of_mcps(client: Keyledger, arguments: argparse.Namespace) -> Mapping[str, str]:
    """Return the names of MCPs by id, or none if they are not shown, or the management key may not read them."""
    if arguments.json:
        return {}
    try:
        return {each.id: each.name for each in client.mcps.list_names()}
    except Forbidden:
        return {}


def _row(names: Mapping[str, str], key: ListedKey) -> tuple[str, ...]:
    mcps = key.permissions.mcps
    access = "all" if mcps == "*" else ", ".join(names.get(mcp_id, mcp_id) for mcp_id in mcps)
    return (
        key.id,
        key.name,
        when(key.created_at),
        when(key.last_used) or "never",
        when(key.expires_at) or "never",
        key.status,
        access or "none",
    )


def _creator_row(creator: KeyCreator) -> tuple[str, ...]:
    return (creator.id, creator.email or "", f"{creator.keys:,}")


def _client_row(client: KeyClient) -> tuple[str, ...]:
    return (client.user_agent or "not given", f"{client.uses:,}", when(client.last_used))


def _counted(reviewed: ReviewedKeys) -> str:
    return f"{reviewed.keys}" if reviewed.exact else f"at least {reviewed.keys}"
