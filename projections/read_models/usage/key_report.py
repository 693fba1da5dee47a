"""The usage report of one key over a span of days."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from infrastructure.database.connections import Connection
from infrastructure.database.statements import load
from projections.read_models.usage.latency import percentiles
from projections.read_models.usage.report import (
    Day,
    Hour,
    Outcomes,
    Report,
    Tool,
    most_denied,
    most_used,
    named_mcps,
    sum_of_outcomes,
)
from projections.read_models.usage.span import Span


class _Queries(NamedTuple):
    key_report: bytes
    key_report_by_hour: bytes
    key_hours: bytes
    key_denials: bytes
    key_denials_by_hour: bytes
    key_latencies: bytes


_SQL = load(_Queries, __file__, "key_report.sql")


async def key_report(
    connection: Connection,
    key_id: str,
    span: Span,
    *,
    with_hours: bool = False,
    histogram: Mapping[int, int] | None = None,
) -> Report:
    """Return the report of one key, including days and hours without uses.

    Latencies are counted by UTC day: they are those of all UTC days with any hour of the span. `histogram`: these
    latencies, if the caller has read them.
    """
    report = Report()
    since, until = span.instants
    period = {"key_id": key_id, "since": since, "until": until}
    hours: dict[datetime, Outcomes] = {}
    if span.is_utc:
        parameters = {"key_id": key_id, "since": span.since, "until": span.until}
        by_day = await _read_sums(connection, report, _SQL.key_report, parameters)
        denials = await connection.execute(_SQL.key_denials, parameters)
    else:
        hours = await _read_sums(connection, report, _SQL.key_report_by_hour, period)
        by_day = {day: sum_of_outcomes([Outcomes(), *parts]) for day, parts in span.by_day(hours).items()}
        denials = await connection.execute(_SQL.key_denials_by_hour, period)
    report.days = [Day(day, by_day.get(day, Outcomes())) for day in span.days]
    report.denials = most_denied(dict(await denials.fetchall()))
    if with_hours:
        if span.is_utc:
            cursor = await connection.execute(_SQL.key_hours, period)
            hours = {hour: Outcomes(*sums) for hour, *sums in await cursor.fetchall()}
        report.hours = [Hour(hour, hours.get(hour, Outcomes())) for hour in span.hours]
    report.latency_ms = percentiles(await _histogram(connection, key_id, span) if histogram is None else histogram)
    return report


async def _read_sums(
    connection: Connection, report: Report, statement: bytes, parameters: Mapping[str, object]
) -> dict[Any, Outcomes]:
    """Set the tools, MCP servers and total of `report`, and return the outcomes by the first column, days or hours."""
    by_start: dict[date | datetime, Outcomes] = {}
    by_mcp: dict[str, int] = {}
    tools: list[Tool] = []
    cursor = await connection.execute(statement, parameters)
    for start, mcp_id, tool, *sums in await cursor.fetchall():
        outcomes = Outcomes(*sums)
        if start is not None:
            by_start[start] = outcomes
        elif tool:
            tools.append(Tool(mcp_id or None, tool, outcomes.requests))
        elif mcp_id and tool is None:
            by_mcp[mcp_id] = outcomes.requests
        elif mcp_id is None and sums[0] is not None:
            report.total = outcomes
    report.tools = most_used(tools)
    report.mcps = await named_mcps(connection, by_mcp)
    return by_start


async def _histogram(connection: Connection, key_id: str, span: Span) -> dict[int, int]:
    days = span.covering
    parameters = {"key_id": key_id, "since": days.since, "until": days.until}
    return dict(await (await connection.execute(_SQL.key_latencies, parameters)).fetchall())
