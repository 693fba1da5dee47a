"""`keyledger organization …`"""

import argparse

from keyledger.cli import exit_codes
from keyledger.cli.output import print_fields, print_json
from keyledger.cli.settings import client_of
from keyledger.models.organization import Organization

_MCP_URL = "connect.mcp_url"


def get(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        found = client.organization.get()
    return _print(arguments, found)


def set_mcp_url(arguments: argparse.Namespace) -> int:
    """Set or remove the URL and keep all other settings. A concurrent change is reported, not overwritten."""
    with client_of(arguments) as client:
        found = client.organization.get()
        settings = {**found.settings, _MCP_URL: None if arguments.remove else arguments.mcp_url}
        changed = client.organization.update(settings=settings, if_match=found.revision)
    return _print(arguments, changed)


def _print(arguments: argparse.Namespace, found: Organization) -> int:
    if arguments.json:
        print_json(found)
        return exit_codes.OK
    limits, usage = found.limits, found.usage
    print_fields(
        [
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
        ]
    )
    return exit_codes.OK


def _of_limit(used: int, limit: int | None) -> str:
    return str(used) if limit is None else f"{used} of {limit}"
