"""The hours of days in time zones with any offset and any change of it."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.read_models.usage.span import Span

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ZONES = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
DAYS = st.dates(date(1990, 1, 1), date(2037, 12, 1))


def _span(zone: str, since: date, until: date | None = None) -> Span:
    return Span(since, until or since, ZoneInfo(zone))


@pytest.mark.parametrize(
    ("zone", "day", "hours", "first"),
    [
        ("Europe/Berlin", date(2026, 7, 1), 24, datetime(2026, 6, 30, 22, tzinfo=UTC)),
        ("Europe/Berlin", date(2026, 3, 29), 23, datetime(2026, 3, 28, 23, tzinfo=UTC)),
        ("Europe/Berlin", date(2026, 10, 25), 25, datetime(2026, 10, 24, 22, tzinfo=UTC)),
        ("Pacific/Auckland", date(2026, 7, 1), 24, datetime(2026, 6, 30, 12, tzinfo=UTC)),
        ("Asia/Kolkata", date(2026, 7, 1), 24, datetime(2026, 6, 30, 19, tzinfo=UTC)),  # begins at 18:30
        ("Asia/Kathmandu", date(2026, 7, 1), 24, datetime(2026, 6, 30, 19, tzinfo=UTC)),  # begins at 18:15
        ("America/Sao_Paulo", date(2018, 11, 4), 23, datetime(2018, 11, 4, 3, tzinfo=UTC)),  # 0:00 is skipped
        ("America/Havana", date(2026, 11, 1), 25, datetime(2026, 11, 1, 4, tzinfo=UTC)),  # 0:00 comes twice
        ("Pacific/Apia", date(2011, 12, 30), 0, None),  # is skipped
    ],
)
def test_a_day_begins_at_its_midnight_or_at_the_next_full_hour(
    zone: str, day: date, hours: int, first: datetime | None
) -> None:
    found = _span(zone, day).hours
    assert len(found) == hours
    assert next(iter(found), None) == first


@given(zone=ZONES, since=DAYS, length=st.integers(1, 40))
def test_consecutive_days_have_every_hour_once(zone: ZoneInfo, since: date, length: int) -> None:
    span = Span(since, since + (length - 1) * DAY, zone)
    by_day = span.by_day({hour: hour for hour in span.hours})
    assert list(by_day) == span.days
    assert [hour for hours in by_day.values() for hour in hours] == span.hours
    assert span.hours == [hour for day in span.days for hour in Span(day, day, zone).hours]


@given(zone=ZONES, since=DAYS, length=st.integers(1, 40))
def test_whole_utc_days_and_the_hours_around_them_are_the_hours_of_a_span(
    zone: ZoneInfo, since: date, length: int
) -> None:
    span = Span(since, since + (length - 1) * DAY, zone)
    parts = span.parts
    days = Span(parts.first, parts.last).hours if parts.first <= parts.last else []
    opening = [hour for hour in span.hours if parts.since <= hour < parts.opening_until]
    closing = [hour for hour in span.hours if parts.closing_since <= hour < parts.until]
    assert [*opening, *days, *closing] == span.hours
    assert max(len(opening), len(closing)) < 24 or not days
    if span.hours:
        assert set(Span(span.covering.since, span.covering.until).days) == {hour.date() for hour in span.hours}


def test_days_of_utc_have_no_hours_around_them() -> None:
    parts = Span(date(2026, 3, 4), date(2026, 3, 6)).parts
    assert (parts.since, parts.until) == (parts.opening_until, parts.closing_since)
    assert (parts.first, parts.last) == (date(2026, 3, 4), date(2026, 3, 6))
