"""`keyledger organization …`"""

import argparse
import json
from math import isfinite
from typing import Any

from keyledger.cli.changes import given, require_changes
from keyledger.cli.grammar import Commands, pair
from keyledger.cli.output import show, text_of
from keyledger.cli.settings import client_of
from keyledger.models.organization import Organization

_MCP_URL = "connect.mcp_url"


def add_commands(groups: Commands) -> None:
    commands = groups.group("organization", "show and change the organization, its limits and its settings")
    commands.add("get", get, "show the organization, its limits and their use", "keyledger organization get")
    updated = commands.add(
        "update",
        update,
        "change the given properties of the organization, and keep the others",
        'keyledger organization update --name "Example"',
        "keyledger organization update --set anomalies.errors_rate_min=0.5 --unset theme",
    )
    updated.add_argument("--name", metavar="TEXT", help="1 to 100 characters")
    updated.add_argument("--description", metavar="TEXT", help="an empty text removes it")
    updated.add_argument(
        "--set",
        action="append",
        type=pair,
        default=[],
        metavar="NAME=VALUE",
        help="a setting: a number, true, false or a text; repeatable",
    )
    updated.add_argument("--unset", action="append", default=[], metavar="NAME", help="remove a setting; repeatable")
    url = commands.add(
        "set-mcp-url",
        set_mcp_url,
        "set the URL to configure in MCP clients",
        "keyledger organization set-mcp-url 'https://gateway.example/{slug}/mcp'",
        "keyledger organization set-mcp-url --remove",
    )
    value = url.add_mutually_exclusive_group(required=True)
    value.add_argument("mcp_url", nargs="?", metavar="URL", help="an https URL; {slug} stands for the slug")
    value.add_argument("--remove", action="store_true", help="remove the setting")


def get(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        found = client.organization.get()
    return show(arguments, found, _fields(found))


def update(arguments: argparse.Namespace) -> int:
    changes = given(arguments, "name", "description")
    settings = {name: _value(text) for name, text in arguments.set} | dict.fromkeys(arguments.unset)
    require_changes(changes, settings, "--name or --set")
    return _change(arguments, changes, settings)


def set_mcp_url(arguments: argparse.Namespace) -> int:
    return _change(arguments, {}, {_MCP_URL: None if arguments.remove else arguments.mcp_url})


def _change(arguments: argparse.Namespace, changes: dict[str, Any], settings: dict[str, Any]) -> int:
    """Change some settings and keep the others. A change in between by another caller is not overwritten."""
    with client_of(arguments) as client:
        if settings:
            found = client.organization.get()
            changes |= {"settings": {**found.settings, **settings}, "if_match": found.revision}
        changed = client.organization.update(**changes)
    return show(arguments, changed, _fields(changed))


def _value(text: str) -> str | float | bool:
    """Return a number or a truth value if the text is one in JSON, and otherwise the text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, int | float | bool) and isfinite(value) else text


def _fields(found: Organization) -> list[tuple[str, str]]:
    limits, usage = found.limits, found.usage
    return [
        ("id", found.id),
        ("name", found.name),
        ("slug", found.slug),
        ("description", found.description),
        ("plan", found.plan),
        ("MCP URL", found.mcp_url or ""),
        ("keys", _of_limit(usage.api_keys, limits.api_keys)),
        ("MCP servers", _of_limit(usage.mcps, limits.mcps)),
        ("members", _of_limit(usage.team_members, limits.team_members)),
        ("requests this month", _of_limit(usage.monthly_requests, limits.monthly_requests)),
        *((name, text_of(value)) for name, value in sorted(found.settings.items()) if name != _MCP_URL),
    ]


def _of_limit(used: int, limit: int | None) -> str:
    return f"{used:,}" if limit is None else f"{used:,} of {limit:,}"
