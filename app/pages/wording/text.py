"""Texts of values in pages: times, numbers and durations. Templates use these functions as filters."""

from datetime import UTC, datetime, timedelta

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_WEEKS_FROM = timedelta(days=14)
_MONTHS_FROM = timedelta(days=60)
_YEARS_FROM = timedelta(days=730)


def number(value: float) -> str:
    """Return a number with groups of three digits: 1,204."""
    return f"{value:,}"


def day(at: datetime) -> str:
    """Return the UTC day: 28 Nov 2026."""
    return f"{at.astimezone(UTC):%-d %b %Y}"


def instant(at: datetime) -> str:
    """Return the UTC time to the second: 28 Nov 2026, 21:33:49 UTC."""
    return f"{at.astimezone(UTC):%-d %b %Y, %H:%M:%S} UTC"


def timestamp(at: datetime) -> str:
    """Return the UTC time to the second for programs: 2026-11-28T21:33:49Z."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def clock(at: datetime) -> str:
    """Return the UTC time of the day: 21:33:49 UTC."""
    return f"{at.astimezone(UTC):%H:%M:%S} UTC"


def relative(at: datetime, now: datetime) -> str:
    """Return the distance from now: "3 min ago", "in 2 days"."""
    distance = abs(now - at)
    if distance < _MINUTE:
        return "just now" if at <= now else "in under a minute"
    return f"{duration(distance)} ago" if at <= now else f"in {duration(distance)}"


def duration(length: timedelta) -> str:
    """Return a duration in its largest unit, rounded down: "3 min", "2 days", "5 months"."""
    for unit, start, name in (
        (timedelta(days=365), _YEARS_FROM, "year"),
        (timedelta(days=30), _MONTHS_FROM, "month"),
        (timedelta(days=7), _WEEKS_FROM, "week"),
        (_DAY, _DAY, "day"),
        (_HOUR, _HOUR, "hour"),
    ):
        if length >= start:
            return plural(length // unit, name)
    return f"{max(length // _MINUTE, 1)} min"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun: "1 key", "1,204 keys"."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"
