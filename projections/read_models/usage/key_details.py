"""Refusals by reason, ended calls and latencies of one key, by hour or by day (UTC)."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from infrastructure.database.connections import Connection
from infrastructure.database.statements import load
from infrastructure.days import midnight
from projections.read_models.usage.latency import Percentiles, percentiles
from projections.read_models.usage.reports import Span


class _Queries(NamedTuple):
    refusals_and_ends_by_hour: bytes
    refusals_by_day: bytes
    latencies_by_day: bytes


_SQL = load(_Queries, __file__, "key_details.sql")


@dataclass(slots=True)
class KeyDetails:
    """Details of an hour or a day. `histogram` is None by hour: the latencies are counted by day."""

    calls: int = 0
    denied: dict[str, int] = field(default_factory=dict[str, int])
    histogram: dict[int, int] | None = None

    @property
    def latency_ms(self) -> Percentiles | None:
        return None if self.histogram is None else percentiles(self.histogram)

    @property
    def most_denied(self) -> list[tuple[str, int]]:
        """Return the error codes of refusals with their numbers, most frequent first."""
        return sorted(self.denied.items(), key=lambda item: (-item[1], item[0]))


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


async def details_by_day(connection: Connection, key_id: str, span: Span) -> dict[datetime, KeyDetails]:
    """Return the details of each day of the span, by its start."""
    found = {midnight(day): KeyDetails() for day in span.days}
    days = {"key_id": key_id, "first": span.since, "last": span.until}
    for day, reason, denied in await (await connection.execute(_SQL.refusals_by_day, days)).fetchall():
        found[midnight(day)].denied[reason] = denied
    histograms: dict[datetime, dict[int, int]] = {start: {} for start in found}
    for day, bucket, calls in await (await connection.execute(_SQL.latencies_by_day, days)).fetchall():
        histograms[midnight(day)][bucket] = calls
    for start, histogram in histograms.items():
        found[start].calls = sum(histogram.values())
        found[start].histogram = histogram
    return found
