"""The days of a usage report, in any time zone."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple, TypeVar

from infrastructure.days import midnight

T = TypeVar("T")

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)


class Span(NamedTuple):
    """The first and the last day, both inclusive, which begin at midnight in `zone`.

    Uses are counted by hours of UTC. An hour belongs to the day in which it starts, so if the offset of a zone is not a
    whole number of hours, its days begin with the next hour of UTC.
    """

    since: date
    until: date
    zone: tzinfo = UTC

    @property
    def is_utc(self) -> bool:
        """Return whether the sums of UTC days apply."""
        return self.zone is UTC

    @property
    def days(self) -> list[date]:
        return [self.since + timedelta(days=number) for number in range((self.until - self.since).days + 1)]

    @property
    def hours(self) -> list[datetime]:
        """Return the start of each hour."""
        since, until = self.instants
        return [since + timedelta(hours=number) for number in range((until - since) // _HOUR)]

    @property
    def instants(self) -> tuple[datetime, datetime]:
        """Return the start of the first hour and the end of the last one."""
        return self._start_of(self.since), self._start_of(self.until + _DAY)

    @property
    def covering(self) -> "Span":
        """Return the UTC days to which the hours belong."""
        since, until = self.instants
        return Span(since.date(), (until - _HOUR).date())

    @property
    def parts(self) -> "Parts":
        """Return the same hours as whole UTC days and the hours before and after them."""
        since, until = self.instants
        first, end = midnight((since + _DAY - _HOUR).date()), midnight(until.date())
        if end <= first:
            return Parts(since, until, until, until, first.date(), (first - _DAY).date())
        return Parts(since, first, end, until, first.date(), (end - _DAY).date())

    def by_day(self, by_hour: Mapping[datetime, T]) -> dict[date, list[T]]:
        """Return the values of the hours by their day, with an entry for each day."""
        found: dict[date, list[T]] = {day: [] for day in self.days}
        for hour, value in by_hour.items():
            found[hour.astimezone(self.zone).date()].append(value)
        return found

    def _start_of(self, day: date) -> datetime:
        start = midnight(day, self.zone).astimezone(UTC)
        whole = start.replace(minute=0, second=0, microsecond=0)
        return whole if whole == start else whole + _HOUR


class Parts(NamedTuple):
    """The UTC days `first` to `last`, the hours before them, and the hours after them.

    `since` and `closing_since` are inclusive, `opening_until` and `until` are exclusive. Without any whole day, `last`
    is before `first`, and all hours are before them.
    """

    since: datetime
    opening_until: datetime
    closing_since: datetime
    until: datetime
    first: date
    last: date
