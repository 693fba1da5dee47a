"""Requests of a key by hour: the input of the volume and error rules."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_WEEKS = 8
_DAYS = 28
_SATURDAY = 5


class Hour(Struct, frozen=True):
    """Accepted requests, those of them that failed, and refusals, which are not among the requests."""

    requests: int = 0
    errors: int = 0
    denied: int = 0


Hours = Mapping[datetime, Hour]
"""Counts by the start of the hour in UTC. An hour without an entry had no requests."""

NOTHING = Hour()


def comparable_hours(hours: Hours, since: datetime, start: datetime) -> list[int]:
    """Return the request counts of past hours that are like the hour at `start`, ignoring hours before `since`.

    Comparable hours are the same hour of the same weekday and its two neighbors in the last eight weeks, because
    traffic follows a weekly pattern. While these hours give fewer than nine counts (three weeks), the same hours of all
    days of the same kind, working days or weekend, are used instead.
    """
    weekly = _counts(hours, since, [start - timedelta(weeks=week) for week in range(1, _WEEKS + 1)])
    if len(weekly) >= 3 * 3:
        return weekly
    daily = [start - day * _DAY for day in range(1, _DAYS + 1)]
    return _counts(hours, since, [day for day in daily if _is_weekend(day) == _is_weekend(start)])


def _counts(hours: Hours, since: datetime, instants: list[datetime]) -> list[int]:
    around = [instant + step * _HOUR for instant in instants for step in (-1, 0, 1)]
    return [hours.get(instant, NOTHING).requests for instant in around if instant >= since]


def _is_weekend(instant: datetime) -> bool:
    return instant.weekday() >= _SATURDAY


def total(hours: Hours, start: datetime, end: datetime) -> Hour:
    """Return the sum of the hours from `start` (inclusive) to `end` (exclusive), both starts of hours."""
    within = [hours.get(start + number * _HOUR, NOTHING) for number in range((end - start) // _HOUR)]
    return Hour(
        requests=sum(hour.requests for hour in within),
        errors=sum(hour.errors for hour in within),
        denied=sum(hour.denied for hour in within),
    )
