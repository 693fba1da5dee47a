"""Queries on the uses of an organization by hour."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Literal, NamedTuple

from infrastructure.database.connections import Connection
from infrastructure.database.statements import load
from projections.read_models.usage.latency import Percentiles, added, percentiles
from projections.read_models.usage.report import Outcomes
from projections.read_models.usage.span import Span


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
    """The uses of an organization in a span, of one MCP server or of all."""

    organization_id: str
    mcp_id: str | None
    span: Span


@dataclass(slots=True)
class DetailedOutcomes:
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
    def refused(self) -> int:
        return sum(self.denied.values())

    @property
    def numbers(self) -> Outcomes:
        """Return the numbers without details."""
        return Outcomes(self.requests, self.refused, self.failed)

    @property
    def latency_ms(self) -> Percentiles:
        return percentiles(self.histogram)


async def outcomes_by_hour(
    connection: Connection, selection: Selection, *, with_latencies: bool = True
) -> dict[datetime, DetailedOutcomes]:
    """Return the outcomes of each hour with any uses, by its start. Without latencies, no calls have ended."""
    found = await _counts(connection, selection, "hour")
    if with_latencies:
        for hour, calls in await _latencies(connection, selection):
            _add(found.setdefault(hour, DetailedOutcomes()), calls)
    return found


async def outcomes_by_day(
    connection: Connection, selection: Selection, *, with_latencies: bool = True
) -> dict[date, DetailedOutcomes]:
    """Return the outcomes of each day of the span. Without latencies, no calls have ended."""
    span = selection.span
    if not span.is_utc:
        hours = await outcomes_by_hour(connection, selection, with_latencies=with_latencies)
        return {day: sum_of(parts) for day, parts in span.by_day(hours).items()}
    found = {day: DetailedOutcomes() for day in span.days}
    for start, outcomes in (await _counts(connection, selection, "day")).items():
        found[start.astimezone(UTC).date()] = outcomes
    if with_latencies:
        # Adding the buckets of the hours of a day here takes half of the time that PostgreSQL takes.
        for hour, calls in await _latencies(connection, selection):
            _add(found[hour.astimezone(UTC).date()], calls)
    return found


async def refusals_by_day(connection: Connection, organization_id: str, span: Span) -> dict[date, dict[str, int]]:
    """Return what was refused by error code on each UTC day with any refusal, for all MCP servers."""
    found: dict[date, dict[str, int]] = {}
    parameters = {"organization_id": organization_id, "since": span.since, "until": span.until}
    cursor = await connection.execute(SQL.refusals_of, parameters)
    for day, code, denied in await cursor.fetchall():
        found.setdefault(day, {})[code] = denied
    return found


async def _counts(connection: Connection, selection: Selection, unit: Unit) -> dict[datetime, DetailedOutcomes]:
    found: dict[datetime, DetailedOutcomes] = {}
    statement = SQL.totals_of if selection.mcp_id is None else SQL.hours_of
    cursor = await connection.execute(statement, {**_parameters(selection), "unit": unit})
    for start, code, uses, failed in await cursor.fetchall():
        outcomes = found.setdefault(start, DetailedOutcomes())
        if code == "valid":
            outcomes.requests, outcomes.failed = uses, failed
        else:
            outcomes.denied[code] = uses
    return found


async def _latencies(connection: Connection, selection: Selection) -> list[tuple[datetime, list[int | None]]]:
    """Return the start of each hour, and the number of ended calls by bucket."""
    statement = SQL.total_latencies_of if selection.mcp_id is None else SQL.latencies_of
    return await (await connection.execute(statement, _parameters(selection), binary=True)).fetchall()


def _parameters(selection: Selection) -> dict[str, object]:
    since, until = selection.span.instants
    return {
        "organization_id": selection.organization_id,
        "mcp_id": selection.mcp_id,
        "since": since,
        "until": until,
    }


def _add(outcomes: DetailedOutcomes, calls: list[int | None]) -> None:
    for bucket, count in enumerate(calls, 1):
        if count is not None:
            outcomes.histogram[bucket] = outcomes.histogram.get(bucket, 0) + count


def sum_of(parts: Collection[DetailedOutcomes]) -> DetailedOutcomes:
    """Return the sum of `parts`, with the percentiles of all their calls."""
    return DetailedOutcomes(
        requests=sum(part.requests for part in parts),
        failed=sum(part.failed for part in parts),
        denied=added(part.denied for part in parts),
        histogram=added(part.histogram for part in parts),
    )
