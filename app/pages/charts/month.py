"""The chart of a month: requests so far, the limit of the plan, and where the month ends at this rate."""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from msgspec import Struct

from app.pages.charts.chart import EMPTY, HEIGHT, WIDTH, Chart, Frame, Key, Row, Shape, Table
from app.pages.charts.paths import Point, area_path, line_path
from app.pages.charts.period import label_at
from app.pages.charts.scale import ticks_for
from app.pages.charts.wording import counted, day_of, grouped

_PROJECTED_AFTER = timedelta(days=1)
"""Before that, a projection would say more about the time of day than about the month."""

_LABELLED = {1: False, 5: True, 10: False, 15: True, 20: False, 25: True, 30: False}
"""Days with a label, and whether it is minor."""


class Requests(Struct, frozen=True):
    """The requests of the day that begins at `time`."""

    time: datetime
    requests: int


class Month(Struct, frozen=True):
    """A month by its first moment, seen at `now`."""

    start: datetime
    now: datetime

    @property
    def days(self) -> int:
        return monthrange(self.start.year, self.start.month)[1]

    @property
    def elapsed(self) -> timedelta:
        return min(max(self.now - self.start, timedelta()), self.length)

    @property
    def length(self) -> timedelta:
        return timedelta(days=self.days)

    @property
    def times(self) -> list[datetime]:
        """The beginning of each day up to today."""
        days = [self.start + timedelta(days=day) for day in range(self.days)]
        return [day for day in days if day <= self.now]

    @property
    def is_over(self) -> bool:
        return self.elapsed == self.length


def month_of(now: datetime) -> Month:
    """Return the month of this moment (UTC)."""
    now = now.astimezone(UTC)
    return Month(now.replace(day=1, hour=0, minute=0, second=0, microsecond=0), now)


def projected(month: Month, total: int) -> int | None:
    """Return the requests at the end of the month if the rest goes on like the part so far, or None if too early."""
    if month.elapsed < _PROJECTED_AFTER:
        return None
    return round(total * (month.length / month.elapsed))


def month_chart(frame: Frame, month: Month, days: Sequence[Requests], limit: int | None = None) -> Chart:
    """Return the chart of the month. Days without an entry had no requests. `limit` is that of the plan, per month."""
    found: Mapping[datetime, int] = {entry.time: entry.requests for entry in days}
    counts = [found.get(time, 0) for time in month.times]
    sums = list(accumulate(counts))
    total = sums[-1] if sums else 0
    at_end = projected(month, total) if total and not month.is_over else None
    ticks = ticks_for(max(total, at_end or 0, limit or 0))

    def at(since_start: timedelta, value: float) -> Point:
        return WIDTH * (since_start / month.length), HEIGHT * (1 - value / ticks[-1])

    ends = [min(timedelta(days=day), month.elapsed) for day in range(1, len(counts) + 1)]
    points = [at(timedelta(), 0), *(at(end, value) for end, value in zip(ends, sums, strict=True))]
    shapes = [Shape("area", "accepted", area_path(points)), Shape("line", "accepted", line_path(points))]
    legend = [Key("Requests so far", grouped(total), "line", column=1)]
    if at_end is not None:
        shapes.append(Shape("line", "accepted", line_path([points[-1], at(month.length, at_end)]), dash="dotted"))
        legend.append(Key("At this rate", grouped(at_end), "line", dash="dotted"))
    if limit is not None:
        line = line_path([at(timedelta(), limit), at(month.length, limit)])
        shapes.append(Shape("line", "refused", line, dash="dashed"))
        legend.append(Key("Plan limit", grouped(limit), "line", "refused", dash="dashed"))
    return Chart(
        frame=frame,
        subject="Requests since the first, UTC",
        sentence=_sentence(frame, month, total, at_end, limit),
        ticks=tuple(grouped(tick) for tick in reversed(ticks)),
        time_labels=tuple(
            label_at(day_of(month.start + timedelta(days=day - 1)), day - 1, month.days, is_minor=is_minor)
            for day, is_minor in _LABELLED.items()
            if day <= month.days
        ),
        slots=month.days,
        shapes=tuple(shapes) if total else tuple(shapes[2:]),
        legend=tuple(legend),
        table=Table(
            "Day (UTC)",
            ("Requests", "Since the first"),
            tuple(
                Row(
                    day_of(time) if time + timedelta(days=1) <= month.now else f"{day_of(time)}, so far",
                    (grouped(count), grouped(so_far)),
                )
                for time, count, so_far in zip(month.times, counts, sums, strict=True)
            ),
        ),
        message="" if total else EMPTY,
    )


def _sentence(frame: Frame, month: Month, total: int, at_end: int | None, limit: int | None) -> str:
    used = f"{counted(total, 'request')} in {month.start:%B %Y}"
    if limit is not None:
        used += f", of {grouped(limit)} that the plan allows"
    text = f"{frame.heading}: {used}."
    if at_end is None:
        return text
    text += f" At this rate, {grouped(at_end)} by the end of the month."
    if limit is not None and total < limit < at_end:
        reached = month.start + month.elapsed * (limit / total)
        text += f" The limit would be reached on {day_of(reached)}."
    return text
