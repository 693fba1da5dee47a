"""Days, which are those of UTC everywhere."""

from datetime import UTC, date, datetime, time


def midnight(day: date) -> datetime:
    """Return the start of a day."""
    return datetime.combine(day, time(), UTC)
