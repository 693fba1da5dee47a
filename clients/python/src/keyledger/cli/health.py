"""`keyledger health`"""

import argparse

from keyledger.cli import exit_codes
from keyledger.cli.grammar import Commands
from keyledger.cli.output import show
from keyledger.cli.settings import client_without_key


def add_commands(groups: Commands) -> None:
    groups.add(
        "health", health, "show whether the service and what it needs are ready; exit code 3 if not", "keyledger health"
    )


def health(arguments: argparse.Namespace) -> int:
    with client_without_key(arguments) as client:
        ready = client.get_readiness()
    show(arguments, ready, [("status", ready.status), *ready.checks.items()])
    return exit_codes.OK if ready.is_ready else exit_codes.UNAVAILABLE
