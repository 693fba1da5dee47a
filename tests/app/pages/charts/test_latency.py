from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pages.charts.chart import HEIGHT
from app.pages.charts.latency import Latencies, latency_chart
from app.pages.charts.period import period_until
from tests.app.pages.charts.drawings import FRAME, NOW, points

DAY = period_until(NOW, "hour", 24)


def test_the_axis_has_the_powers_of_ten() -> None:
    assert latency_chart(FRAME, DAY, []).ticks == ("100,000", "10,000", "1,000", "100", "10", "1")


def test_values_are_at_their_logarithm() -> None:
    chart = latency_chart(FRAME, DAY, [Latencies(time, 5, 10, 1_000, 100_000) for time in DAY.times])
    heights = [{y for run in points(shape.path) for _, y in run} for shape in chart.shapes if shape.kind == "line"]
    assert heights == [{HEIGHT * 2 / 5}, {HEIGHT * 4 / 5}, {0}]


@given(st.lists(st.tuples(*[st.floats(0, 10**7)] * 3).map(sorted), min_size=2, max_size=24))
def test_bands_lie_on_each_other_below_the_line(hours: list[list[float]]) -> None:
    entries = [Latencies(time, 1, *values) for time, values in zip(DAY.times, hours, strict=False)]
    shapes = latency_chart(FRAME, DAY, entries).shapes
    p95, p50, p99 = ([y for _, y in points(shape.path)[0]] for shape in shapes if shape.kind == "line")
    assert all(0 <= top <= middle <= low <= HEIGHT for top, middle, low in zip(p99, p95, p50, strict=True))
    upper_band, lower_band = (points(shape.path)[0] for shape in shapes if shape.kind == "area")
    assert [y for _, y in upper_band] == [*p95, *reversed(p50)]
    assert [y for _, y in lower_band] == [*p50, *[HEIGHT] * len(p50)]


def test_hours_without_calls_are_gaps() -> None:
    entries = [Latencies(time, 0 if index == 5 else 3, 10, 20, 30) for index, time in enumerate(DAY.times)]
    chart = latency_chart(FRAME, DAY, entries)
    for shape in chart.shapes:
        assert [len(run) for run in points(shape.path)] == ([10, 36] if shape.kind == "area" else [5, 18])
    assert chart.table.rows[5].cells == ("0", "No calls", "No calls", "No calls")
    assert chart.table.rows[6].cells == ("3", "10 ms", "20 ms", "30 ms")


def test_an_hour_between_gaps_is_a_dot() -> None:
    chart = latency_chart(FRAME, DAY, [Latencies(DAY.times[4], 3, 10, 20, 30)])
    assert [shape.kind for shape in chart.shapes] == ["dots", "dots", "dots"]


def test_series_differ_in_more_than_their_colour() -> None:
    chart = latency_chart(FRAME, DAY, [])
    forms = [(key.form, key.texture, key.dash) for key in chart.legend]
    assert all(one != other for one, other in pairwise(sorted(forms)))


def test_the_sentence_has_the_median_and_the_highest_p99() -> None:
    entries = [Latencies(DAY.times[0], 1, 8, 90, 400), Latencies(DAY.times[1], 1_200, 30, 90, 4_100)]
    chart = latency_chart(FRAME, DAY, entries)
    assert chart.sentence == (
        "Requests: 1,201 calls in 24 hours. p50: 8 to 30 ms. Highest p99: 4,100 ms on 28 Nov, 23:00 to 00:00 UTC."
    )
    assert [key.value for key in chart.legend] == ["8 to 30 ms", "90 ms", "400 to 4,100 ms"]


def test_an_empty_chart_says_so() -> None:
    chart = latency_chart(FRAME, DAY, [])
    assert chart.message == "No requests in this period."
    assert chart.sentence == "Requests: no calls in 24 hours."
    assert chart.shapes == ()


@pytest.mark.parametrize("value", [0, 0.4, 1])
def test_latencies_below_one_are_on_the_axis(value: float) -> None:
    chart = latency_chart(FRAME, DAY, [Latencies(DAY.start, 1, value, value, value)])
    assert {y for shape in chart.shapes for run in points(shape.path) for _, y in run} == {HEIGHT}
