"""The x axis: the hours or days of a chart, their names, and the labels that fit under them. All times are UTC."""

from datetime import UTC, datetime, timedelta
from typing import Literal

from msgspec import Struct

from app.pages.charts.wording import day_of

Unit = Literal["hour", "day"]

_LENGTHS: dict[Unit, timedelta] = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
_LABELS_MAX = 8
_NOON = 12
_NOON_MARGIN = 4
_HOURS_WITH_CLOCK_LABELS = 24
_HOUR_STEPS = (1, 2, 3)
_DAY_STEPS = (1, 2, 3, 5, 7, 10, 14, 15, 30, 60, 90)
_EDGE_PERCENT = 6
"""A label closer to an edge than this is moved to the edge, so that it stays inside the chart."""


class Period(Struct, frozen=True):
    """Consecutive hours or days. `now` decides whether the last one is still going on."""

    unit: Unit
    start: datetime
    count: int
    now: datetime

    @property
    def length(self) -> timedelta:
        return _LENGTHS[self.unit]

    @property
    def end(self) -> datetime:
        return self.start + self.count * self.length

    @property
    def times(self) -> list[datetime]:
        """The beginning of each hour or day, in order."""
        return [self.start + index * self.length for index in range(self.count)]

    @property
    def is_unfinished(self) -> bool:
        return self.end - self.length <= self.now < self.end

    @property
    def duration(self) -> str:
        """The duration in words: "24 hours", "7 days"."""
        hours = self.count if self.unit == "hour" else 24 * self.count
        in_days = self.unit == "day" or (hours > 24 and hours % 24 == 0)  # noqa: PLR2004 -- hours of a day
        number = hours // 24 if in_days else hours
        return f"{number} {'day' if in_days else 'hour'}{'' if number == 1 else 's'}"

    def fraction(self, time: datetime) -> float:
        """Return the position of the time in the period, from 0 (start) to 1 (end)."""
        return (time - self.start) / (self.end - self.start)

    def name(self, time: datetime) -> str:
        """Return the name of the hour or day that begins at `time`: "28 Nov, 14:00 to 15:00 UTC", "28 Nov"."""
        if self.unit == "day":
            return day_of(time)
        return f"{day_of(time)}, {time:%H:%M} to {time + self.length:%H:%M} UTC"

    def row_name(self, time: datetime) -> str:
        """Return the name in a table, whose header says the zone: "28 Nov, 14:00", "29 Nov, so far"."""
        name = day_of(time) if self.unit == "day" else f"{day_of(time)}, {time:%H:%M}"
        return f"{name}, so far" if self.is_unfinished and time + self.length == self.end else name


def period_until(now: datetime, unit: Unit, count: int) -> Period:
    """Return the period whose last hour or day is the one that is still going on at `now`."""
    now = now.astimezone(UTC)
    last = now.replace(minute=0, second=0, microsecond=0)
    if unit == "day":
        last = last.replace(hour=0)
    return Period(unit, last - (count - 1) * _LENGTHS[unit], count, now)


class TimeLabel(Struct, frozen=True):
    """A label under the axis. A minor one is left out where the chart is narrow."""

    text: str
    percent: float
    anchor: Literal["start", "middle", "end"]
    is_minor: bool


def time_labels(period: Period) -> list[TimeLabel]:
    """Return at most eight labels, of which every second one is minor."""
    if period.unit == "hour" and period.count <= _HOURS_WITH_CLOCK_LABELS:
        return _clock_labels(period)
    if period.unit == "hour":
        # Noon is the middle of the bars of a day. Closer to an edge, there is no room next to the label of another day.
        inside = range(_NOON_MARGIN, period.count - _NOON_MARGIN)
        days = [index for index, time in enumerate(period.times) if time.hour == _NOON and index in inside]
    else:
        days = list(range(period.count))
    step = next((step for step in _DAY_STEPS if len(days) <= _LABELS_MAX * step), -(-len(days) // _LABELS_MAX))
    # Count backwards from the last day, which is the one that readers look for.
    labelled = days[::-1][::step][::-1]
    return [
        label_at(day_of(period.times[index]), index, period.count, is_minor=(len(labelled) - place) % 2 == 0)
        for place, index in enumerate(labelled)
    ]


def _clock_labels(period: Period) -> list[TimeLabel]:
    """Return labels at round hours. Midnight has the date instead of 00:00.

    At an edge, a label is closer to the next one. There, midnight has the shorter text, and a narrow chart no label.
    """
    step = next(step for step in _HOUR_STEPS if period.count <= _LABELS_MAX * step)
    return [
        label_at(
            f"{time:%H:%M}" if time.hour or _edge(index, period.count) else day_of(time),
            index,
            period.count,
            is_minor=time.hour % (2 * step) != 0 or _edge(index, period.count) is not None,
        )
        for index, time in enumerate(period.times)
        if time.hour % step == 0
    ]


def label_at(text: str, index: int, count: int, *, is_minor: bool) -> TimeLabel:
    """Return the label under the middle of bar `index` of `count`, or at the edge that it would cross."""
    match _edge(index, count):
        case "start":
            return TimeLabel(text, 0, "start", is_minor)
        case "end":
            return TimeLabel(text, 100, "end", is_minor)
        case None:
            return TimeLabel(text, _middle(index, count), "middle", is_minor)


def _edge(index: int, count: int) -> Literal["start", "end"] | None:
    """Return the edge that a label under bar `index` would cross."""
    if count > 1 and _middle(index, count) < _EDGE_PERCENT:
        return "start"
    if count > 1 and _middle(index, count) > 100 - _EDGE_PERCENT:
        return "end"
    return None


def _middle(index: int, count: int) -> float:
    return 100 * (index + 0.5) / count
