from datetime import timedelta
from itertools import starmap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.pages.charts.bars import Outcomes, Refusals, Series, refusals_chart, requests_chart, stack
from app.pages.charts.chart import HEIGHT, WIDTH, Alert
from app.pages.charts.paths import bars_path
from app.pages.charts.period import Period, period_until
from app.pages.charts.scale import ticks_for
from tests.app.pages.charts.drawings import FRAME, NOW, counts, drawn_bars, outcomes, periods

DAY = period_until(NOW, "hour", 24)


def number(text: str) -> int:
    return int(text.replace(",", ""))


@given(st.lists(st.tuples(counts, counts, counts), min_size=1, max_size=30))
def test_heights_are_proportional_to_the_values_and_stacked(values: list[tuple[int, int, int]]) -> None:
    series = [Series("", "other", "solid", column) for column in zip(*values, strict=True)]
    top = ticks_for(max(map(sum, values)))[-1]
    bars = stack(series, top)
    for index, parts in enumerate(values):
        floor = float(HEIGHT)
        for column, value in zip(bars, parts, strict=True):
            bar = column[index]
            assert bar.height == pytest.approx(HEIGHT * value / top)
            assert bar.top + bar.height == pytest.approx(floor)
            floor = bar.top
        assert floor >= -1e-9


@given(st.integers(1, 200))
def test_bars_have_equal_widths_and_gaps_inside_the_chart(count: int) -> None:
    (bars,) = stack([Series("", "other", "solid", (1,) * count)], 4)
    slot = WIDTH / count
    for index, bar in enumerate(bars):
        assert index * slot < bar.x < bar.x + bar.width < (index + 1) * slot
        assert bar.x + bar.width / 2 == pytest.approx((index + 0.5) * slot)


@given(st.data())
def test_paths_draw_each_bar_in_its_place(data: st.DataObject) -> None:
    values = data.draw(st.lists(st.integers(1, 500), min_size=1, max_size=168))
    columns = stack(
        [Series("", "other", "solid", tuple(values)), Series("", "other", "solid", tuple(values[::-1]))], 1000
    )
    for bars in columns:
        drawn = drawn_bars(bars_path(bars))
        assert len(drawn) == len(bars)
        for place, bar in zip(drawn, bars, strict=True):
            assert place == pytest.approx((bar.x, bar.top + bar.height, bar.width, bar.height), abs=0.15)


def test_only_the_top_of_a_stack_is_round() -> None:
    below, above = stack([Series("", "other", "solid", (5, 5)), Series("", "other", "solid", (5, 0))], 10)
    assert [bar.is_top for bar in below] == [False, True]
    assert above[0].is_top
    assert "q" not in bars_path(below[:1])
    assert "q" in bars_path(above[:1])


@given(st.data())
def test_the_table_has_the_numbers_of_each_hour_and_their_sums(data: st.DataObject) -> None:
    period = data.draw(periods())
    entries = data.draw(outcomes(period))
    chart = requests_chart(FRAME, period, entries)
    found = {entry.time: entry for entry in entries}
    assert len(chart.table.rows) == period.count
    for time, row in zip(period.times, chart.table.rows, strict=True):
        entry = found.get(time, Outcomes(time))
        parts = [entry.accepted, entry.errors, entry.refused]
        assert [number(cell) for cell in row.cells] == [*parts, sum(parts)]
    columns = zip(*(row.cells for row in chart.table.rows), strict=True)
    assert [number(cell) for cell in chart.table.total] == [sum(map(number, column)) for column in columns]
    assert [key.value for key in chart.legend[:3]] == list(chart.table.total[:3])


@given(st.data())
def test_the_axis_reaches_the_highest_bar(data: st.DataObject) -> None:
    period = data.draw(periods())
    chart = requests_chart(FRAME, period, data.draw(outcomes(period)))
    assert len(chart.ticks) == 5
    assert chart.ticks[-1] == "0"
    assert number(chart.ticks[0]) >= max(number(row.cells[-1]) for row in chart.table.rows)


def test_the_hour_that_is_going_on_is_hatched() -> None:
    chart = requests_chart(FRAME, DAY, [Outcomes(DAY.times[-1], accepted=30, refused=10)])
    assert chart.shapes == ()
    assert [(block.color, round(block.height)) for block in chart.blocks] == [("accepted", 75), ("refused", 25)]
    assert all(block.x + block.width < 100 for block in chart.blocks)
    assert chart.legend[-1].label == "So far"
    assert chart.table.rows[-1].name == "29 Nov, 21:00, so far"


def test_a_period_that_is_over_has_no_hatched_bar() -> None:
    over = Period("hour", DAY.start - timedelta(days=1), 24, NOW)
    chart = requests_chart(FRAME, over, [Outcomes(over.times[-1], accepted=30)])
    assert chart.blocks == ()
    assert [key.label for key in chart.legend] == ["Accepted", "Errors", "Refused"]


def test_the_sentence_has_the_total_the_parts_and_the_peak() -> None:
    entries = [Outcomes(DAY.times[3], accepted=1_000, refused=5), Outcomes(DAY.times[4], accepted=200)]
    assert requests_chart(FRAME, DAY, entries).sentence == (
        "Requests: 1,205 requests in 24 hours (Accepted 1,200 and Refused 5). "
        "Peak: 1,005 on 29 Nov, 01:00 to 02:00 UTC."
    )  # fmt: skip


def test_an_empty_chart_says_so() -> None:
    chart = requests_chart(FRAME, DAY, [])
    assert chart.message == "No requests in this period."
    assert chart.sentence == "Requests: no requests in 24 hours."
    assert chart.shapes == chart.blocks == ()
    assert len(chart.table.rows) == 24


def test_an_empty_chart_has_the_labels_of_a_full_one() -> None:
    empty, full = requests_chart(FRAME, DAY, []), requests_chart(FRAME, DAY, [Outcomes(DAY.start, accepted=9)])
    assert empty.time_labels == full.time_labels
    assert empty.grid == full.grid


def test_alerts_are_marked_at_their_time() -> None:
    alerts = [
        Alert(DAY.start + timedelta(hours=12), "Half", "/alerts/half"),
        Alert(DAY.start, "First", "/alerts/first"),
        Alert(DAY.start - timedelta(seconds=1), "Before", "/alerts/before"),
        Alert(DAY.end, "After", "/alerts/after"),
    ]
    chart = requests_chart(FRAME, DAY, [], alerts)
    assert [(mark.percent, mark.url) for mark in chart.marks] == [(0, "/alerts/first"), (50, "/alerts/half")]
    assert [row.marks for row in chart.table.rows if row.marks] == [(mark,) for mark in chart.marks]


reasons = st.dictionaries(st.text(min_size=1, max_size=20), counts, max_size=12)


@settings(max_examples=30)
@given(st.lists(reasons, min_size=1, max_size=6))
def test_refusals_have_the_five_largest_reasons_and_the_rest(by_hour: list[dict[str, int]]) -> None:
    refusals = list(starmap(Refusals, zip(DAY.times, by_hour, strict=False)))
    chart = refusals_chart(FRAME, DAY, refusals)
    totals: dict[str, int] = {}
    for entry in by_hour:
        for reason, count in entry.items():
            totals[reason] = totals.get(reason, 0) + count
    ranked = sorted((count for count in totals.values() if count), reverse=True)
    expected = [*ranked[:5], *([sum(ranked[5:])] if ranked[5:] else [])]
    keys = [key for key in chart.legend if key.form == "bar"]
    assert [number(key.value) for key in keys] == expected
    assert all(totals[key.label] == number(key.value) for key in keys[:5])
    assert len({(key.color, key.texture) for key in keys}) == len({key.texture for key in keys}) == len(keys)
    assert sum(map(sum, (entry.values() for entry in by_hour))) == number(chart.table.total[-1])


def test_reasons_of_the_same_size_are_in_the_order_of_their_names() -> None:
    chart = refusals_chart(FRAME, DAY, [Refusals(DAY.start, {"b": 1, "c": 1, "a": 1})])
    assert chart.table.columns == ("a", "b", "c", "Total")


def test_no_refusals_are_not_called_no_requests() -> None:
    chart = refusals_chart(FRAME, DAY, [])
    assert chart.message == "No refusals in this period."
