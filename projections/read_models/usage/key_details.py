"""Refusals by reason, ended calls and latencies of one key, by hour or by day."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from infrastructure.database.connections import Connection
from infrastructure.database.statements import load
from projections.read_models.usage.latency import Percentiles, added, percentiles
from projections.read_models.usage.span import Span


class _Queries(NamedTuple):
    refusals_and_ends_by_hour: bytes
    refusals_by_day: bytes
    latencies_by_day: bytes


_SQL = load(_Queries, __file__, "key_details.sql")


@dataclass(slots=True)
class KeyDetails:
    """Details of an hour or a day. `histogram` is None unless they are of a UTC day, by which latencies are counted."""

    calls: int = 0
    denied: dict[str, int] = field(default_factory=dict[str, int])
    histogram: dict[int, int] | None = None

    @property
    def latency_ms(self) -> Percentiles | None:
        return None if self.histogram is None else percentiles(self.histogram)


async def details_by_hour(connection: Connection, key_id: str, span: Span) -> dict[datetime, KeyDetails]:
    """Return the details of each hour of the span, by its start."""
    found = {start: KeyDetails() for start in span.hours}
    since, until = span.instants
    period = {"key_id": key_id, "since": since, "until": until}
    cursor = await connection.execute(_SQL.refusals_and_ends_by_hour, period)
    for hour, reason, events in await cursor.fetchall():
        if reason:
            found[hour].denied[reason] = events
        else:
            found[hour].calls = events
    return found


async def details_by_day(connection: Connection, key_id: str, span: Span) -> dict[date, KeyDetails]:
    """Return the details of each day of the span, with latencies for UTC days only."""
    if not span.is_utc:
        hours = await details_by_hour(connection, key_id, span)
        return {
            day: KeyDetails(sum(part.calls for part in parts), added(part.denied for part in parts))
            for day, parts in span.by_day(hours).items()
        }
    found = {day: KeyDetails() for day in span.days}
    days = {"key_id": key_id, "first": span.since, "last": span.until}
    for day, reason, denied in await (await connection.execute(_SQL.refusals_by_day, days)).fetchall():
        found[day].denied[reason] = denied
    histograms: dict[date, dict[int, int]] = {day: {} for day in found}
    for day, bucket, calls in await (await connection.execute(_SQL.latencies_by_day, days)).fetchall():
        histograms[day][bucket] = calls
    for day, histogram in histograms.items():
        found[day].calls = sum(histogram.values())
        found[day].histogram = histogram
    return found
