"""Days, which are those of UTC unless a time zone is given."""

from datetime import UTC, date, datetime, time, tzinfo


def midnight(day: date, zone: tzinfo = UTC) -> datetime:
    """Return the start of a day. If its clock skips midnight, this is the first instant after the gap."""
    return datetime.combine(day, time(), zone)
