"""Options of the expiry of a key, and the remedy if the service refuses it."""

import argparse
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime

from keyledger.cli.grammar import Parser, count, in_days, instant
from keyledger.errors import Forbidden

_FIELD = "expires_at"


def add_expiry(command: Parser, default: str) -> None:
    expiry = command.add_mutually_exclusive_group()
    expiry.add_argument("--expires-in-days", type=count, metavar="DAYS", help=f"when the key stops working; {default}")
    expiry.add_argument(
        "--expires-at", type=instant, metavar="TIME", help="a date or a time, in UTC if it has no offset"
    )
    expiry.add_argument("--never", action="store_true", help="the key does not expire")


def expiry_of(arguments: argparse.Namespace) -> datetime | None:
    """Return the expiry that the options set; None: they set none, or the key never expires."""
    return arguments.expires_at if arguments.expires_in_days is None else in_days(arguments.expires_in_days)


@contextmanager
def explained_expiry(place: str = "--expires-in-days or --expires-at") -> Generator[None]:
    """Add a remedy to the refusal of a key that would expire later than the management key.

    `place`: where the user sets the expiry. A user who sets none gets the default of this command, so the message of
    the service alone would be about a field that the user has not given.
    """
    try:
        yield
    except Forbidden as error:
        if _FIELD in error.details:
            error.add_note(f"Set an earlier expiry with {place}, or use a management key that expires later.")
        raise
