"""Charts of stacked bars: requests by outcome, and refusals by reason."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from app.pages.charts.chart import (
    HEIGHT,
    WIDTH,
    Alert,
    Block,
    Chart,
    Color,
    Frame,
    Key,
    Mark,
    Row,
    Shape,
    Table,
    Texture,
    drawn,
)
from app.pages.charts.paths import Bar, bars_path
from app.pages.charts.period import Period, time_labels
from app.pages.charts.scale import ticks_for
from app.pages.charts.wording import counted, grouped, listed

_REASONS_MAX = 5
_GAP = 0.28
"""The gap between two bars, as a fraction of the distance between their middles."""


class Outcomes(Struct, frozen=True):
    """The requests of the hour or day that begins at `time`."""

    time: datetime
    accepted: int = 0
    errors: int = 0
    refused: int = 0


class Refusals(Struct, frozen=True):
    """The refusals of the hour or day that begins at `time`, by the text of their reason."""

    time: datetime
    by_reason: Mapping[str, int]


class Series(Struct, frozen=True):
    """One colour of the bars, with a value for each hour or day."""

    label: str
    color: Color
    texture: Texture
    values: tuple[int, ...]


def requests_chart(frame: Frame, period: Period, outcomes: Sequence[Outcomes], alerts: Sequence[Alert] = ()) -> Chart:
    """Return the chart of requests. Hours or days without an entry had none."""
    found = {entry.time: entry for entry in outcomes}
    entries = [found.get(time, Outcomes(time)) for time in period.times]
    series = [
        Series("Accepted", "accepted", "solid", tuple(entry.accepted for entry in entries)),
        Series("Errors", "errors", "lines", tuple(entry.errors for entry in entries)),
        Series("Refused", "refused", "dots", tuple(entry.refused for entry in entries)),
    ]
    return _stacked(frame, period, series, noun="request", alerts=alerts)


_REASON_STYLES: tuple[tuple[Color, Texture], ...] = (
    ("refused", "dots"),
    ("5", "solid"),
    ("6", "lines"),
    ("errors", "bands"),
    ("4", "columns"),
)
"""Not the colour of accepted requests, which stands on the same page."""


def refusals_chart(frame: Frame, period: Period, refusals: Sequence[Refusals]) -> Chart:
    """Return the chart of refusals: the five most frequent reasons of the period, and the sum of all others."""
    found = {entry.time: entry.by_reason for entry in refusals}
    entries = [found.get(time, {}) for time in period.times]
    totals: Counter[str] = Counter()
    for entry in entries:
        totals.update(entry)
    ranked = sorted((reason for reason in totals if totals[reason]), key=lambda reason: (-totals[reason], reason))
    series = [
        Series(reason, *style, tuple(entry.get(reason, 0) for entry in entries))
        for reason, style in zip(ranked, _REASON_STYLES, strict=False)
    ]
    if others := ranked[_REASONS_MAX:]:
        rest = tuple(sum(entry.get(reason, 0) for reason in others) for entry in entries)
        series.append(Series("Other reasons", "other", "grid", rest))
    return _stacked(frame, period, series, noun="refusal")


def _stacked(
    frame: Frame, period: Period, series: Sequence[Series], *, noun: str, alerts: Sequence[Alert] = ()
) -> Chart:
    totals = [sum(values) for values in zip(*(one.values for one in series), strict=True)] or [0] * period.count
    ticks = ticks_for(max(totals))
    bars = stack(series, ticks[-1])
    solid = period.count - period.is_unfinished
    marks = _marks(period, alerts)
    blocks = tuple(
        Block(one.color, *_percent(bar))
        for one, column in zip(series, bars, strict=True)
        for bar in column[solid:]
        if bar.height
    )
    return Chart(
        frame=frame,
        subject=f"{noun.capitalize()}s per {period.unit}, UTC",
        sentence=_sentence(frame, period, series, totals, noun),
        ticks=tuple(grouped(tick) for tick in reversed(ticks)),
        time_labels=tuple(time_labels(period)),
        slots=period.count,
        shapes=drawn(
            *(
                Shape("bars", one.color, bars_path(bar for bar in column[:solid] if bar.height), one.texture)
                for one, column in zip(series, bars, strict=True)
            )
        ),
        blocks=blocks,
        marks=tuple(mark for time in period.times for mark in marks.get(time, ())),
        legend=(
            *(
                Key(one.label, grouped(sum(one.values)), "bar", one.color, one.texture, column=index)
                for index, one in enumerate(series)
            ),
            *([Key("So far", form="so_far")] if blocks else []),
        ),
        table=_table(period, series, totals, marks),
        message="" if any(totals) else f"No {noun}s in this period.",
    )


def stack(series: Sequence[Series], top: int) -> list[list[Bar]]:
    """Return the bars of each series, on top of those of the series before it. `top` is the value at the upper edge."""
    columns: list[list[Bar]] = [[] for _ in series]
    count = len(series[0].values) if series else 0
    slot = WIDTH / count if count else 0
    for index in range(count):
        values = [one.values[index] for one in series]
        last = max((place for place, value in enumerate(values) if value), default=0)
        for place, value in enumerate(values):
            height = HEIGHT * value / top
            upper = HEIGHT - HEIGHT * sum(values[: place + 1]) / top
            columns[place].append(Bar((index + _GAP / 2) * slot, upper, slot * (1 - _GAP), height, place == last))
    return columns


def _percent(bar: Bar) -> tuple[float, float, float, float]:
    return 100 * bar.x / WIDTH, 100 * bar.top / HEIGHT, 100 * bar.width / WIDTH, 100 * bar.height / HEIGHT


def _marks(period: Period, alerts: Sequence[Alert]) -> dict[datetime, tuple[Mark, ...]]:
    """Return the marks of each hour or day. Alerts outside the period have none."""
    marks: dict[datetime, tuple[Mark, ...]] = {}
    for alert in sorted(alerts, key=lambda alert: alert.time):
        if period.start <= alert.time < period.end:
            time = period.start + (alert.time - period.start) // period.length * period.length
            mark = Mark(100 * period.fraction(alert.time), alert.label, alert.url)
            marks[time] = (*marks.get(time, ()), mark)
    return marks


def _table(
    period: Period, series: Sequence[Series], totals: Sequence[int], marks: Mapping[datetime, tuple[Mark, ...]]
) -> Table:
    return Table(
        f"{period.unit.capitalize()} (UTC)",
        (*(one.label for one in series), "Total"),
        tuple(
            Row(
                period.row_name(time),
                (*(grouped(one.values[index]) for one in series), grouped(totals[index])),
                marks.get(time, ()),
            )
            for index, time in enumerate(period.times)
        ),
        (*(grouped(sum(one.values)) for one in series), grouped(sum(totals))),
    )


def _sentence(frame: Frame, period: Period, series: Sequence[Series], totals: Sequence[int], noun: str) -> str:
    total = sum(totals)
    if not total:
        return f"{frame.heading}: no {noun}s in {period.duration}."
    parts = listed([f"{one.label} {grouped(sum(one.values))}" for one in series if any(one.values)])
    peak = max(totals)
    when = period.name(period.times[totals.index(peak)])
    return f"{frame.heading}: {counted(total, noun)} in {period.duration} ({parts}). Peak: {grouped(peak)} on {when}."
