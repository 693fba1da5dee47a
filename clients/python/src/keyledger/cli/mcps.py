"""`keyledger mcps …`"""

import argparse

from keyledger.cli import exits
from keyledger.cli.output import day, print_json, print_table
from keyledger.cli.settings import client_of

_TITLES = ("ID", "NAME", "ENVIRONMENT", "STATUS", "HEALTH", "LAST ACTIVE", "URL")


def list_mcps(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        mcps = list(client.mcps.iterate(per_page=100))
    if arguments.json:
        print_json(mcps)
    else:
        rows = [(m.id, m.name, m.environment, m.status, m.health, day(m.last_active), m.endpoint_url) for m in mcps]
        print_table(_TITLES, rows)
    return exits.OK
