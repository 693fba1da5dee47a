"""Times as commands print them: relative on a terminal, where people read, and complete in a pipe."""

import sys
from datetime import UTC, datetime

_UNITS = (("y", 365 * 86_400), ("mo", 30 * 86_400), ("d", 86_400), ("h", 3_600), ("min", 60))
"""The seconds of each unit. A time is given in the largest one of which there are at least two, or in minutes."""


def day(at: datetime | None) -> str:
    """Return a time in UTC, to the minute."""
    return "" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def when(at: datetime | None, *, now: datetime | None = None) -> str:
    """Return a time: "5 min ago" or "in 3 d" on a terminal, and otherwise the time in UTC."""
    if at is None or not sys.stdout.isatty():
        return day(at)
    return relative(at, now or datetime.now(UTC))


def in_sentence(at: datetime) -> str:
    """Return a time for a sentence: "5 min ago" on a terminal, and otherwise "2026-11-01 12:00 UTC"."""
    return relative(at, datetime.now(UTC)) if sys.stdout.isatty() else f"{day(at)} UTC"


def relative(at: datetime, now: datetime) -> str:
    seconds = abs((at - now).total_seconds())
    for unit, length in _UNITS:
        number = int(seconds // length)
        if number >= (1 if unit == "min" else 2):
            return f"{number} {unit} ago" if at <= now else f"in {number} {unit}"
    return "now"
