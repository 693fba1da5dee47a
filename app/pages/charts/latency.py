"""The chart of latencies: p50 and p95 as bands and p99 as a line, on a logarithmic axis."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from app.pages.charts.chart import EMPTY, Chart, Frame, Key, Row, Shape, Table, drawn
from app.pages.charts.error_rate import point
from app.pages.charts.paths import area_path, dots_path, line_path
from app.pages.charts.period import Period, time_labels
from app.pages.charts.scale import LOG_TICKS, log_fraction
from app.pages.charts.wording import counted, grouped, milliseconds

_NO_CALLS = "No calls"


class Latencies(Struct, frozen=True):
    """Percentiles, in milliseconds, of the calls that ended in the hour or day that begins at `time`."""

    time: datetime
    calls: int
    p50: float
    p95: float
    p99: float


def latency_chart(frame: Frame, period: Period, latencies: Sequence[Latencies]) -> Chart:
    """Return the chart of latencies. Hours or days without calls are gaps."""
    found = {entry.time: entry for entry in latencies if entry.calls}
    entries = [found.get(time) for time in period.times]
    known = [entry for entry in entries if entry is not None]
    p50, p95, p99 = (
        [
            None if values is None else point(index, period.count, log_fraction(values[place]))
            for index, values in enumerate(
                None if entry is None else (entry.p50, entry.p95, entry.p99) for entry in entries
            )
        ]
        for place in range(3)
    )
    shapes = drawn(
        Shape("area", "accepted", area_path(p95, p50)),
        Shape("area", "accepted", area_path(p50), "lines"),
        Shape("line", "accepted", line_path(p95), dash="dashed"),
        Shape("line", "accepted", line_path(p50)),
        Shape("line", "errors", line_path(p99)),
        Shape("dots", "accepted", dots_path(p95)),
        Shape("dots", "accepted", dots_path(p50)),
        Shape("dots", "errors", dots_path(p99)),
    )
    return Chart(
        frame=frame,
        subject=f"Milliseconds (logarithmic), per {period.unit}, UTC",
        sentence=_sentence(frame, period, known),
        ticks=tuple(grouped(tick) for tick in reversed(LOG_TICKS)),
        time_labels=tuple(time_labels(period)),
        slots=period.count,
        shapes=shapes,
        legend=(
            Key("p50", _range([entry.p50 for entry in known]), "area", "accepted", "lines", column=1),
            Key("p95", _range([entry.p95 for entry in known]), "area", "accepted", dash="dashed", column=2),
            Key("p99", _range([entry.p99 for entry in known]), "line", "errors", column=3),
        ),
        table=Table(
            f"{period.unit.capitalize()} (UTC)",
            ("Calls", "p50", "p95", "p99"),
            tuple(
                Row(
                    period.row_name(time),
                    ("0", *[_NO_CALLS] * 3)
                    if entry is None
                    else (grouped(entry.calls), *map(milliseconds, (entry.p50, entry.p95, entry.p99))),
                )
                for time, entry in zip(period.times, entries, strict=True)
            ),
        ),
        message="" if known else EMPTY,
    )


def _range(values: Sequence[float]) -> str:
    """Return the lowest and the highest value: "8 to 30 ms"."""
    if not values:
        return ""
    low, high = grouped(min(values)), milliseconds(max(values))
    return high if high == f"{low} ms" else f"{low} to {high}"


def _sentence(frame: Frame, period: Period, entries: Sequence[Latencies]) -> str:
    if not entries:
        return f"{frame.heading}: no calls in {period.duration}."
    slowest = max(entries, key=lambda entry: entry.p99)
    calls = counted(sum(entry.calls for entry in entries), "call")
    return (
        f"{frame.heading}: {calls} in {period.duration}. p50: {_range([entry.p50 for entry in entries])}. "
        f"Highest p99: {milliseconds(slowest.p99)} on {period.name(slowest.time)}."
    )
