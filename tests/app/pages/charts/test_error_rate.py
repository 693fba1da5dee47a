import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pages.charts.chart import HEIGHT, WIDTH
from app.pages.charts.error_rate import Calls, error_rate_chart
from app.pages.charts.period import period_until
from tests.app.pages.charts.drawings import FRAME, NOW, points

DAY = period_until(NOW, "hour", 24)

ended_and_failed = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda pair: (max(pair), min(pair)))


@given(st.lists(ended_and_failed, max_size=24))
def test_the_line_has_a_point_for_each_hour_with_enough_calls_and_a_gap_for_the_others(
    hours: list[tuple[int, int]],
) -> None:
    calls = [Calls(time, *hour) for time, hour in zip(DAY.times, hours, strict=False)]
    chart = error_rate_chart(FRAME, DAY, calls)
    top = int(chart.ticks[0].removesuffix("%"))
    drawn = {
        round(x * 24 / WIDTH - 0.5): top * (1 - y / HEIGHT)
        for shape in chart.shapes
        if shape.kind in {"line", "dots"}
        for run in points(shape.path)
        for x, y in run
    }
    expected = {index: 100 * failed / ended for index, (ended, failed) in enumerate(hours) if ended >= 20}
    assert drawn == pytest.approx(expected, abs=0.06)


@given(st.lists(ended_and_failed, max_size=24))
def test_the_table_shows_a_rate_or_too_few_calls(hours: list[tuple[int, int]]) -> None:
    calls = [Calls(time, *hour) for time, hour in zip(DAY.times, hours, strict=False)]
    for row, (ended, failed) in zip(error_rate_chart(FRAME, DAY, calls).table.rows, hours, strict=False):
        rate = f"{100 * failed / ended:.1f}%" if ended >= 20 else "Too few calls"
        assert row.cells == (str(ended), str(failed), rate)


def test_gaps_divide_the_line() -> None:
    ended = [20, 20, 19, 20, 0, 20, 20, 20]
    calls = [Calls(time, count, 1) for time, count in zip(DAY.times, ended, strict=False)]
    shapes = error_rate_chart(FRAME, DAY, calls).shapes
    (line,) = [shape for shape in shapes if shape.kind == "line"]
    (dots,) = [shape for shape in shapes if shape.kind == "dots"]
    assert [len(run) for run in points(line.path)] == [2, 3]
    assert [len(run) for run in points(dots.path)] == [1]


@pytest.mark.parametrize(("failed", "top"), [(0, "8%"), (50, "8%"), (90, "12%"), (1000, "100%")])
def test_the_axis_reaches_five_percent_or_the_highest_rate(failed: int, top: str) -> None:
    assert error_rate_chart(FRAME, DAY, [Calls(DAY.start, 1000, failed)]).ticks[0] == top


def test_the_sentence_has_the_rate_and_the_peak() -> None:
    chart = error_rate_chart(FRAME, DAY, [Calls(DAY.times[0], 100, 1), Calls(DAY.times[1], 100, 3)])
    assert chart.sentence == (
        "Requests: 2.0% of 200 calls in 24 hours failed. Peak: 3.0% on 28 Nov, 23:00 to 00:00 UTC."
    )  # fmt: skip


def test_without_failures_there_is_no_peak() -> None:
    chart = error_rate_chart(FRAME, DAY, [Calls(DAY.start, 100, 0)])
    assert chart.sentence == "Requests: 0.0% of 100 calls in 24 hours failed."


def test_no_calls_and_too_few_calls_are_said() -> None:
    assert error_rate_chart(FRAME, DAY, []).message == "No requests in this period."
    few = error_rate_chart(FRAME, DAY, [Calls(DAY.start, 19, 1)])
    assert few.message == "Too few calls."
    assert few.shapes == ()
    assert few.sentence.endswith("Too few calls in each hour to show a rate.")
