"""Questions before a command changes something that cannot be undone."""

import argparse
import sys

from keyledger.cli.exit_codes import NotConfirmed, UsageError
from keyledger.cli.tables import printable

_YES = {"y", "yes"}


def confirm(arguments: argparse.Namespace, what: str, question: str) -> None:
    """Ask the question on the terminal after the sentence `what`, unless `--yes` was given.

    Raise NotConfirmed if the answer is not yes, and UsageError without a terminal.
    """
    if arguments.yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"{what} Nothing was changed. Add --yes to do it without a question.")
    print(f"{printable(what)}\n{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in _YES:
        raise NotConfirmed("Nothing was changed.")
