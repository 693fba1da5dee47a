from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given

from app.pages.charts.period import Period, TimeLabel, Unit, period_until, time_labels
from tests.app.pages.charts.drawings import NOW, PERIODS, periods

LETTER = 7
"""More than the mean width of a letter at 12 px, in pixels."""

NARROW, WIDE = 205, 400
"""The narrowest plots: of a phone with ten-digit numbers next to the axis, and of a chart that shows minor labels."""


def extent(label: TimeLabel, width: float) -> tuple[float, float]:
    """Return where the label begins and ends, in pixels."""
    length = LETTER * len(label.text)
    start = label.percent * width / 100 - {"start": 0, "middle": length / 2, "end": length}[label.anchor]
    return start, start + length


@given(periods())
def test_labels_do_not_overlap_on_a_phone_or_on_a_desktop(period: Period) -> None:
    labels = time_labels(period)
    for width, shown in ((NARROW, [label for label in labels if not label.is_minor]), (WIDE, labels)):
        for (_, end), (start, _) in pairwise(extent(label, width) for label in shown):
            assert end < start


@given(periods())
def test_the_period_ends_with_the_hour_or_day_of_now(period: Period) -> None:
    assert period.is_unfinished
    assert len(period.times) == period.count
    assert period.times[-1] <= period.now < period.times[-1] + period.length


@pytest.mark.parametrize(("unit", "count"), PERIODS)
def test_every_period_has_labels_at_both_widths(unit: Unit, count: int) -> None:
    labels = time_labels(period_until(NOW, unit, count))
    assert 5 <= len(labels) <= 8
    assert 3 <= sum(not label.is_minor for label in labels) <= 4


def test_hours_are_labelled_at_round_times_and_midnight_by_its_date() -> None:
    labels = [label.text for label in time_labels(period_until(NOW, "hour", 24))]
    assert labels == ["29 Nov", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00"]


def test_days_of_hours_are_labelled_once_each() -> None:
    labels = [label.text for label in time_labels(period_until(NOW, "hour", 168))]
    assert labels == ["23 Nov", "24 Nov", "25 Nov", "26 Nov", "27 Nov", "28 Nov", "29 Nov"]


@pytest.mark.parametrize("count", [7, 30, 90, 365])
def test_the_last_day_has_a_label_at_every_width(count: int) -> None:
    last = time_labels(period_until(NOW, "day", count))[-1]
    assert last.text == "29 Nov"
    assert not last.is_minor


def test_times_of_other_zones_are_counted_in_utc() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=9)))
    assert period_until(there, "day", 1).start == datetime(2026, 11, 29, tzinfo=UTC)


def test_a_period_in_the_past_is_finished() -> None:
    assert not Period("hour", NOW.replace(minute=0, second=0) - timedelta(days=2), 24, NOW).is_unfinished


@pytest.mark.parametrize(
    ("unit", "count", "duration"),
    [
        ("hour", 1, "1 hour"),
        ("hour", 24, "24 hours"),
        ("hour", 168, "7 days"),
        ("hour", 30, "30 hours"),
        ("day", 1, "1 day"),
    ],
)
def test_the_duration_is_in_words(unit: Unit, count: int, duration: str) -> None:
    assert period_until(NOW, unit, count).duration == duration
