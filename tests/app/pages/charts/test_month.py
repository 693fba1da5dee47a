from datetime import UTC, datetime, timedelta
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pages.charts.chart import HEIGHT, WIDTH, Chart
from app.pages.charts.month import Month, Requests, month_chart, month_of, projected
from tests.app.pages.charts.drawings import FRAME, counts, moments, points

NOON_OF_THE_15TH = datetime(2026, 11, 15, 12, tzinfo=UTC)
MIDDLE = month_of(datetime(2026, 11, 16, tzinfo=UTC))
OVER = Month(datetime(2026, 10, 1, tzinfo=UTC), NOON_OF_THE_15TH)


def per_day(month: Month, requests: int) -> list[Requests]:
    return [Requests(time, requests) for time in month.times]


def line(chart: Chart, dash: str) -> list[tuple[float, float]]:
    (shape,) = [shape for shape in chart.shapes if shape.kind == "line" and shape.dash == dash]
    return points(shape.path)[0]


def top(chart: Chart) -> int:
    return int(chart.ticks[0].replace(",", ""))


@given(st.lists(counts, min_size=1, max_size=15).filter(any), st.none() | counts)
def test_the_line_is_the_sum_of_the_days_before(days: list[int], limit: int | None) -> None:
    month = month_of(NOON_OF_THE_15TH)
    chart = month_chart(FRAME, month, [Requests(*entry) for entry in zip(month.times, days, strict=False)], limit)
    sums = [0, *accumulate(days), *[sum(days)] * (15 - len(days))]
    drawn = [top(chart) * (1 - y / HEIGHT) for _, y in line(chart, "none")]
    assert drawn == pytest.approx(sums, abs=0.06 * top(chart) / HEIGHT)
    assert [row.cells[1] for row in chart.table.rows] == [f"{value:,}" for value in sums[1:]]
    assert top(chart) >= max(sum(days), limit or 0)


def test_today_ends_at_this_moment() -> None:
    month = month_of(NOON_OF_THE_15TH)
    (start, _), *_, (last, _) = line(month_chart(FRAME, month, per_day(month, 5)), "none")
    assert (start, last) == (0, WIDTH * 14.5 / 30)


@given(st.integers(1, 10**12))
def test_half_a_month_is_projected_to_twice_its_requests(total: int) -> None:
    assert projected(MIDDLE, total) == 2 * total


def test_the_projection_goes_on_in_a_straight_line_from_the_first() -> None:
    chart = month_chart(FRAME, MIDDLE, per_day(MIDDLE, 10))
    (x, y), (end, high) = line(chart, "dotted")
    assert (x, y) == line(chart, "none")[-1]
    assert end == WIDTH
    assert (HEIGHT - high) / end == pytest.approx((HEIGHT - y) / x)


def test_the_first_day_and_a_month_that_is_over_have_no_projection() -> None:
    first = month_of(datetime(2026, 11, 1, 23, 59, tzinfo=UTC))
    for month in (first, OVER):
        chart = month_chart(FRAME, month, per_day(month, 10))
        assert [key.label for key in chart.legend] == ["Requests so far"]
        assert "At this rate" not in chart.sentence


def test_a_month_that_is_over_has_all_its_days() -> None:
    chart = month_chart(FRAME, OVER, per_day(OVER, 10))
    assert len(chart.table.rows) == chart.slots == 31
    assert line(chart, "none")[-1][0] == WIDTH
    assert not any("so far" in row.name for row in chart.table.rows)


def test_the_limit_is_a_line_across_the_month() -> None:
    chart = month_chart(FRAME, MIDDLE, per_day(MIDDLE, 10), limit=400)
    assert line(chart, "dashed") == [(0, 0), (WIDTH, 0)]
    assert (chart.ticks[0], chart.legend[-1].value) == ("400", "400")


def test_the_sentence_says_when_the_limit_would_be_reached() -> None:
    days = per_day(MIDDLE, 10)[:15]
    assert month_chart(FRAME, MIDDLE, days, limit=200).sentence == (
        "Requests: 150 requests in November 2026, of 200 that the plan allows. "
        "At this rate, 300 by the end of the month. The limit would be reached on 21 Nov."
    )
    assert "reached" not in month_chart(FRAME, MIDDLE, days, limit=300).sentence
    assert "reached" not in month_chart(FRAME, MIDDLE, days, limit=100).sentence


def test_an_empty_month_shows_its_limit() -> None:
    chart = month_chart(FRAME, MIDDLE, [], limit=400)
    assert chart.message == "No requests in this period."
    assert [shape.dash for shape in chart.shapes] == ["dashed"]


@given(moments)
def test_rows_are_the_days_up_to_today(now: datetime) -> None:
    month = month_of(now)
    rows = month_chart(FRAME, month, []).table.rows
    assert len(rows) == now.day
    assert rows[-1].name.endswith("so far")
    assert timedelta() <= month.elapsed < month.length
