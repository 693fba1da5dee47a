"""Queries on the uses of an organization by hour."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, NamedTuple

from infrastructure.database.connections import Connection
from infrastructure.database.statements import load
from infrastructure.days import midnight
from projections.read_models.usage.latency import Percentiles, added, percentiles


class Queries(NamedTuple):
    hours_apply: bytes
    hours_of: bytes
    latencies_of: bytes
    totals_of: bytes
    total_latencies_of: bytes
    refusals_of: bytes


SQL = load(Queries, __file__)

Unit = Literal["hour", "day"]


class Selection(NamedTuple):
    """The uses of an organization from `since` (inclusive) to `until` (exclusive), of one MCP server or of all."""

    organization_id: str
    mcp_id: str | None
    since: datetime
    until: datetime


@dataclass(slots=True)
class Outcomes:
    """The requests of an hour, a day or the whole period, and how they ended.

    `requests` were accepted. `calls` have ended, `failed` of them with an error. `denied` were refused, by error code.
    """

    requests: int = 0
    failed: int = 0
    denied: dict[str, int] = field(default_factory=dict[str, int])
    histogram: dict[int, int] = field(default_factory=dict[int, int])

    @property
    def calls(self) -> int:
        return sum(self.histogram.values())

    @property
    def most_denied(self) -> list[tuple[str, int]]:
        """Return the error codes of refusals with their numbers, most frequent first."""
        return sorted(self.denied.items(), key=lambda item: (-item[1], item[0]))

    @property
    def latency_ms(self) -> Percentiles:
        return percentiles(self.histogram)


async def outcomes_by(connection: Connection, selection: Selection, unit: Unit) -> dict[datetime, Outcomes]:
    """Return the outcomes of each hour or day (UTC) with any uses, by its start."""
    parameters = {**selection._asdict(), "unit": unit}
    found: dict[datetime, Outcomes] = {}
    is_total = selection.mcp_id is None
    cursor = await connection.execute(SQL.totals_of if is_total else SQL.hours_of, parameters)
    for start, code, uses, failed in await cursor.fetchall():
        outcomes = found.setdefault(start, Outcomes())
        if code == "valid":
            outcomes.requests, outcomes.failed = uses, failed
        else:
            outcomes.denied[code] = uses
    # Adding the buckets of the hours of a day here takes half of the time that PostgreSQL takes.
    latencies = SQL.total_latencies_of if is_total else SQL.latencies_of
    cursor = await connection.execute(latencies, parameters, binary=True)
    for hour, calls in await cursor.fetchall():
        start = midnight(hour.date()) if unit == "day" else hour
        histogram = found.setdefault(start, Outcomes()).histogram
        for bucket, count in enumerate(calls, 1):
            if count is not None:
                histogram[bucket] = histogram.get(bucket, 0) + count
    return found


async def refusals_by_day(
    connection: Connection, organization_id: str, first: date, last: date
) -> dict[date, dict[str, int]]:
    """Return what was refused by error code on each day (UTC) with any refusal, for all MCP servers."""
    found: dict[date, dict[str, int]] = {}
    parameters = {"organization_id": organization_id, "since": first, "until": last}
    cursor = await connection.execute(SQL.refusals_of, parameters)
    for day, code, denied in await cursor.fetchall():
        found.setdefault(day, {})[code] = denied
    return found


def sum_of(parts: Collection[Outcomes]) -> Outcomes:
    """Return the sum of `parts`, with the percentiles of all their calls."""
    return Outcomes(
        requests=sum(part.requests for part in parts),
        failed=sum(part.failed for part in parts),
        denied=added(part.denied for part in parts),
        histogram=added(part.histogram for part in parts),
    )
