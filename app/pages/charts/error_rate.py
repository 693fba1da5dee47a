"""The chart of the error rate: a line with gaps where too few calls ended."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from app.pages.charts.chart import EMPTY, HEIGHT, WIDTH, Chart, Frame, Key, Row, Shape, Table, drawn
from app.pages.charts.paths import Point, area_path, dots_path, line_path
from app.pages.charts.period import Period, time_labels
from app.pages.charts.scale import ticks_for
from app.pages.charts.wording import counted, grouped, percent

CALLS_MIN = 20
"""With fewer calls, one error more or less would move the rate by over 5 %."""

TOO_FEW = "Too few calls"
_TOP_MIN = 5


class Calls(Struct, frozen=True):
    """The calls that ended in the hour or day that begins at `time`, and those of them that failed."""

    time: datetime
    ended: int = 0
    failed: int = 0


def error_rate_chart(frame: Frame, period: Period, calls: Sequence[Calls]) -> Chart:
    """Return the chart of the error rate. Hours or days without an entry had no calls."""
    found = {entry.time: entry for entry in calls}
    entries = [found.get(time, Calls(time)) for time in period.times]
    rates = [entry.failed / entry.ended if entry.ended >= CALLS_MIN else None for entry in entries]
    known = [rate for rate in rates if rate is not None]
    ended, failed = sum(entry.ended for entry in entries), sum(entry.failed for entry in entries)
    ticks = ticks_for(max([_TOP_MIN, *(100 * rate for rate in known)]))
    points = [
        None if rate is None else point(index, period.count, 100 * rate / ticks[-1]) for index, rate in enumerate(rates)
    ]
    return Chart(
        frame=frame,
        subject=f"Percent of ended calls, per {period.unit}, UTC",
        sentence=_sentence(frame, period, rates, ended, failed),
        ticks=tuple(f"{tick}%" for tick in reversed(ticks)),
        time_labels=tuple(time_labels(period)),
        slots=period.count,
        shapes=drawn(
            Shape("area", "errors", area_path(points)),
            Shape("line", "errors", line_path(points)),
            Shape("dots", "errors", dots_path(points)),
        ),
        legend=(
            Key("Error rate", percent(failed / ended) if ended else "", "line", "errors", column=2),
            Key(f"Gap: under {CALLS_MIN} calls", form="gap", color="errors"),
        ),
        table=Table(
            f"{period.unit.capitalize()} (UTC)",
            ("Calls", "Errors", "Error rate"),
            tuple(
                Row(
                    period.row_name(entry.time),
                    (grouped(entry.ended), grouped(entry.failed), TOO_FEW if rate is None else percent(rate)),
                )
                for entry, rate in zip(entries, rates, strict=True)
            ),
            (grouped(ended), grouped(failed), percent(failed / ended) if ended else TOO_FEW),
        ),
        message="" if known else f"{TOO_FEW}." if ended else EMPTY,
    )


def point(index: int, count: int, height: float) -> Point:
    """Return the point over the middle of hour or day `index`, at a height from 0 to 1."""
    return (index + 0.5) * WIDTH / count, HEIGHT * (1 - height)


def _sentence(frame: Frame, period: Period, rates: Sequence[float | None], ended: int, failed: int) -> str:
    if not ended:
        return f"{frame.heading}: no calls in {period.duration}."
    text = f"{frame.heading}: {percent(failed / ended)} of {counted(ended, 'call')} in {period.duration} failed."
    known = [rate for rate in rates if rate is not None]
    if not known:
        return f"{text} Too few calls in each {period.unit} to show a rate."
    if not any(known):
        return text
    return f"{text} Peak: {percent(max(known))} on {period.name(period.times[rates.index(max(known))])}."
