"""`python -m embedded`: the whole service on this machine, with PostgreSQL and Valkey from wheels."""

import os
import sys
from collections.abc import Callable, Mapping

from infrastructure import cli


@cli.program
def commands() -> None:
    """Run the whole service on this machine, with its own PostgreSQL and Valkey."""


@commands.command()
def run() -> int:
    """Start everything and stay until Ctrl-C. Settings come from the environment.

    The exit code is 1 if something cannot start.
    """
    from embedded.run import run

    return _exit_code(run)


@commands.command("demo-data")
def demo_data() -> int:
    """Add the demo organization Northwind, with a month of history, to the data of a service that does not run.

    Settings come from the environment, as for run. The exit code is 1 if something cannot start.
    """
    from embedded.demo_data import add_demo_data

    return _exit_code(add_demo_data)


def _exit_code(action: Callable[[Mapping[str, str]], None]) -> int:
    from embedded.console import printable
    from embedded.errors import CannotStart

    try:
        action(os.environ)
    except CannotStart as error:
        for line in error.details:
            cli.note(f"    {printable(line)}")
        cli.note(f"keyledger: {printable(str(error))}")
        return 1
    return 0


def _explain(_error: Exception, _environment: Mapping[str, str]) -> str | None:
    return None


def main() -> int:
    """Run `python -m embedded …`. Return 0 after an orderly stop, or 1 with one line if it cannot run."""
    return cli.run(commands, "embedded", sys.argv[1:], os.environ, _explain)


if __name__ == "__main__":
    sys.exit(main())
