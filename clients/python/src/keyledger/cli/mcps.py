"""`keyledger mcps …`"""

import argparse

from keyledger.cli import exit_codes
from keyledger.cli.output import day, print_json, print_table
from keyledger.cli.settings import client_of

_REACHABLE = ("ID", "NAME", "HEALTH", "TOOLS")
_TITLES = ("ID", "NAME", "ENVIRONMENT", "STATUS", "HEALTH", "LAST ACTIVE", "URL")


def list_mcps(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        mcps = list(client.mcps.iterate(per_page=100))
    if arguments.json:
        print_json(mcps)
    else:
        rows = [(m.id, m.name, m.environment, m.status, m.health, day(m.last_active), m.endpoint_url) for m in mcps]
        print_table(_TITLES, rows)
    return exit_codes.OK


def list_reachable(arguments: argparse.Namespace) -> int:
    """List the MCPs that the key itself reaches. The key needs no grant for that."""
    with client_of(arguments) as client:
        servers = client.list_servers()
    if arguments.json:
        print_json(servers)
    else:
        rows = [(s.id, s.name, s.health, ", ".join(tool.name for tool in s.tools)) for s in servers]
        print_table(_REACHABLE, rows)
    return exit_codes.OK
