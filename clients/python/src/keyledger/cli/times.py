"""Times as commands read and print them.

On a terminal, people read them: relative, or in UTC to the minute. In a pipe, programs do: in UTC, as RFC 3339 has it.
"""

import sys
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple


class _Unit(NamedTuple):
    """A unit of time. `least`: the number of seconds from which a time is given in it."""

    name: str
    seconds: int
    least: int


_DAY = 86_400
_UNITS = (
    _Unit("years", 365 * _DAY, 2 * 365 * _DAY),
    _Unit("months", 30 * _DAY, 120 * _DAY),
    _Unit("days", _DAY, 2 * _DAY),
    _Unit("h", 3_600, 2 * 3_600),
    _Unit("min", 60, 60),
)
"""Expiry dates are set in days, up to 90 of them mostly. Therefore months begin late."""


def time_of(text: str) -> datetime:
    """Return the time in a text in the form of ISO 8601. Raise ValueError if the text contains none."""
    return with_offset(datetime.fromisoformat(text))


def with_offset(at: datetime) -> datetime:
    """Return a time, in UTC if it has no offset, as in all options and files."""
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def exact(at: datetime | None, zone: tzinfo = UTC) -> str:
    """Return a time: "2026-11-01 12:00 UTC" on a terminal, otherwise "2026-11-01T12:00:00Z"; empty for None."""
    if at is None:
        return ""
    local = at.astimezone(zone)
    if sys.stdout.isatty():
        return f"{local:%Y-%m-%d %H:%M %Z}"
    return local.isoformat(timespec="seconds").replace("+00:00", "Z")


def when(at: datetime | None) -> str:
    """Return a time: "5 min ago" or "in 90 days" on a terminal, otherwise as `exact` does; empty for None."""
    return relative(at, datetime.now(UTC)) if at is not None and sys.stdout.isatty() else exact(at)


def relative(at: datetime, now: datetime) -> str:
    """Return the rounded difference of two times, in the largest unit of which there are enough."""
    seconds = abs((at - now).total_seconds())
    for unit in _UNITS:
        if seconds >= unit.least:
            number = round(seconds / unit.seconds)
            return f"{number} {unit.name} ago" if at <= now else f"in {number} {unit.name}"
    return "now"
