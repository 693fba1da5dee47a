"""The usage report of an organization over a span of days."""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from domain.plans.plan import PlanName
from infrastructure.database.connections import Connection
from infrastructure.database.statements import load
from projections.read_models.usage.organization_hours.queries import (
    DetailedOutcomes,
    Selection,
    outcomes_by_day,
    sum_of,
)
from projections.read_models.usage.report import LISTED_MAX, Day, Outcomes, Report, named_mcps, sum_of_outcomes
from projections.read_models.usage.span import Span
from projections.read_models.usage.top_keys import top_keys


class _Queries(NamedTuple):
    organization_report: bytes
    unknown_secrets: bytes
    mcps_in_parts: bytes
    billed: bytes
    plan_of: bytes


_SQL = load(_Queries, __file__, "organization_report.sql")


async def organization_report(
    connection: Connection,
    organization_id: str,
    span: Span,
    *,
    created_by: str | None,
    mcp_id: str | None = None,
    keys: int = LISTED_MAX,
    by_day: Mapping[date, DetailedOutcomes] | None = None,
) -> Report:
    """Return the report of an organization, with as many as `keys` of its most used keys.

    Single keys are those that `created_by` created, or all if it is None. Billed uses are counted by UTC day, as quotas
    are: they are those of the UTC days with the same dates.

    With `mcp_id`, the report covers the uses of that MCP server and lists no keys, whose uses by MCP are counted only
    for one key at a time.

    `by_day`: the outcomes of each day, if the caller has read them. Only a report in another zone than UTC needs them.
    """
    selection = Selection(organization_id, mcp_id, span)
    if span.is_utc:
        report = await _report_in_utc(connection, selection)
    else:
        read = await outcomes_by_day(connection, selection, with_latencies=False) if by_day is None else by_day
        report = await _report_in_zone(connection, selection, read)
    if mcp_id is None:
        report.keys, report.keys_exact = await top_keys(connection, organization_id, span, created_by, keys)
    return report


async def plan_of(connection: Connection, organization_id: str) -> PlanName | None:
    """Return the plan, or None if the organization does not exist."""
    row = await (await connection.execute(_SQL.plan_of, (organization_id,))).fetchone()
    return None if row is None else row[0]


async def _report_in_utc(connection: Connection, selection: Selection) -> Report:
    report = Report()
    by_day: dict[date, Outcomes] = {}
    by_mcp: dict[str, int] = {}
    cursor = await connection.execute(_SQL.organization_report, _days(selection))
    for day, used_mcp, *sums in await cursor.fetchall():
        if day is not None:
            by_day[day] = Outcomes(*sums)
        elif used_mcp:
            by_mcp[used_mcp] = sums[0]
        elif used_mcp is None and sums[0] is not None:
            report.total = Outcomes(*sums)
    if selection.mcp_id is None:
        for day, denied in await (await connection.execute(_SQL.unknown_secrets, _days(selection))).fetchall():
            by_day[day] = sum_of_outcomes([by_day.get(day, Outcomes()), Outcomes(denied=denied)])
            report.total = sum_of_outcomes([report.total, Outcomes(denied=denied)])
    report.mcps = await named_mcps(connection, by_mcp)
    report.days = [Day(day, by_day.get(day, Outcomes())) for day in selection.span.days]
    return report


async def _report_in_zone(
    connection: Connection, selection: Selection, by_day: Mapping[date, DetailedOutcomes]
) -> Report:
    total = sum_of(by_day.values())
    billed = await (await connection.execute(_SQL.billed, _days(selection))).fetchone()
    parameters = {
        "organization_id": selection.organization_id,
        "mcp_id": selection.mcp_id,
        **selection.span.parts._asdict(),
    }
    by_mcp: dict[str, int] = dict(await (await connection.execute(_SQL.mcps_in_parts, parameters)).fetchall())
    return Report(
        total=total.numbers._replace(billed=billed[0] if billed else 0),
        mcps=await named_mcps(connection, by_mcp),
        days=[Day(day, each.numbers) for day, each in sorted(by_day.items())],
    )


def _days(selection: Selection) -> dict[str, object]:
    return {
        "organization_id": selection.organization_id,
        "mcp_id": selection.mcp_id,
        "since": selection.span.since,
        "until": selection.span.until,
    }
