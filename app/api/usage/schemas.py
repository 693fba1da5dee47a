"""Usage reports in responses."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from app.api import examples
from app.api.schemas import Count, KeyId, McpId, Time
from app.api.usage.period import ReportPeriod
from projections.read_models.usage import reports
from projections.read_models.usage.reports import HOURS_DAYS_MAX, Named, Outcomes, Report

COUNTING = (
    "Requests are accepted verifications, checks and calls. Each is counted within two seconds. Days are UTC days, "
    "and weeks start on Monday (ISO 8601). A call counts on the day on which it started."
)
"""The part of the description that all reports share."""

CurrentName = Annotated[str | None, Meta(description="The current name; null if the resource no longer exists.")]
ReportedPeriod = Annotated[
    Literal["day", "week", "month", "custom"], Meta(description="`custom` if the request gives dates.")
]
Day = date
"""A UTC day."""


class McpUsage(Struct, frozen=True):
    mcp_id: McpId
    name: CurrentName
    requests: Count


class KeyUsageOfPeriod(Struct, frozen=True):
    key_id: KeyId
    name: CurrentName
    requests: Count


class ToolUsage(Struct, frozen=True):
    """`mcp_id` is null for a tool without a particular MCP server."""

    mcp_id: McpId | None
    tool: str
    requests: Count


class DayUsage(Struct, frozen=True):
    date: Day
    requests: Count
    errors: Count
    denied: Count


class HourUsage(Struct, frozen=True):
    """An hour, identified by its start."""

    hour: Time
    requests: Count
    errors: Count
    denied: Count


class DeniedUses(Struct, frozen=True):
    """`reason` is the error code of the denials, such as `ip_not_permitted`."""

    reason: str
    denied: Count


class UsageByStatus(Struct, frozen=True):
    """Requests are successes or errors. Denied uses are not requests."""

    success: Count
    error: Count
    denied: Count


class LatencyPercentiles(Struct, frozen=True):
    """Latency of completed calls, exact below 16 ms and otherwise within an eighth. Null if there were none."""

    p50: Count | None
    p95: Count | None
    p99: Count | None


class KeyReport(Struct, frozen=True):
    """The usage of a key. Lists contain the 100 most used MCP servers and tools; the total covers all."""

    key_id: KeyId
    period: ReportedPeriod
    start_date: Day
    end_date: Day
    total_requests: Count
    by_mcp: list[McpUsage]
    by_tool: list[ToolUsage]
    by_day: list[DayUsage]
    by_status: UsageByStatus
    denied_by_reason: Annotated[list[DeniedUses], Meta(description="Most frequent first.")]
    latency_ms: LatencyPercentiles
    by_hour: (
        Annotated[list[HourUsage], Meta(description=f"Only for periods of at most {HOURS_DAYS_MAX} days.")] | UnsetType
    ) = UNSET


class PlanUsage(Struct, frozen=True):
    """`billed` is the part of `total` that counts towards the plan: requests with live keys."""

    total: Count
    billed: Count
    limit: Annotated[Count | None, Meta(description="Billed requests per month; null: unlimited.")]
    percentage: Annotated[float | None, Meta(description="`billed` as a percentage of `limit`; null: unlimited.")]


class OrganizationReport(Struct, frozen=True):
    """The usage of all keys of the organization. Lists contain the 100 most used MCP servers and keys."""

    period: ReportedPeriod
    start_date: Day
    end_date: Day
    requests: PlanUsage
    by_mcp: list[McpUsage]
    by_key: list[KeyUsageOfPeriod]
    by_day: list[DayUsage]
    by_status: UsageByStatus


_DAY = date(2026, 5, 1)
_BY_MCP = [McpUsage(mcp_id=examples.MCP_ID, name="Wiki", requests=12)]
_BY_DAY = [DayUsage(date=_DAY, requests=12, errors=1, denied=2)]
_BY_STATUS = UsageByStatus(success=11, error=1, denied=2)

KEY_REPORT_EXAMPLE = KeyReport(
    key_id=examples.KEY_ID,
    period="day",
    start_date=_DAY,
    end_date=_DAY,
    total_requests=12,
    by_mcp=_BY_MCP,
    by_tool=[ToolUsage(mcp_id=examples.MCP_ID, tool="get_page", requests=12)],
    by_day=_BY_DAY,
    by_status=_BY_STATUS,
    denied_by_reason=[DeniedUses(reason="ip_not_permitted", denied=2)],
    latency_ms=LatencyPercentiles(p50=42, p95=118, p99=230),
    by_hour=[HourUsage(hour=examples.LATER, requests=12, errors=1, denied=2)],
)
ORGANIZATION_REPORT_EXAMPLE = OrganizationReport(
    period="day",
    start_date=_DAY,
    end_date=_DAY,
    requests=PlanUsage(total=12, billed=12, limit=50_000, percentage=0.02),
    by_mcp=_BY_MCP,
    by_key=[KeyUsageOfPeriod(key_id=examples.KEY_ID, name="My agent", requests=12)],
    by_day=_BY_DAY,
    by_status=_BY_STATUS,
)


def to_key_report(key_id: str, period: ReportPeriod, report: Report) -> KeyReport:
    """Return the report on a key. `by_hour` is included for short periods."""
    hours = [
        HourUsage(hour.start, hour.outcomes.requests, hour.outcomes.failed, hour.outcomes.denied)
        for hour in report.hours
    ]
    return KeyReport(
        key_id=key_id,
        period=period.period,
        start_date=period.span.since,
        end_date=period.span.until,
        total_requests=report.total.requests,
        by_mcp=_by_mcp(report.mcps),
        by_tool=[ToolUsage(tool.mcp_id, tool.name, tool.requests) for tool in report.tools],
        by_day=_by_day(report.days),
        by_status=_by_status(report.total),
        denied_by_reason=[DeniedUses(denial.reason, denial.denied) for denial in report.denials],
        latency_ms=LatencyPercentiles(*report.latency_ms),
        by_hour=hours or UNSET,
    )


def to_organization_report(period: ReportPeriod, report: Report, limit: int | None) -> OrganizationReport:
    """Return the report on an organization. `limit`: billed requests per month; None for an unlimited plan."""
    billed = report.total.billed
    return OrganizationReport(
        period=period.period,
        start_date=period.span.since,
        end_date=period.span.until,
        requests=PlanUsage(
            total=report.total.requests,
            billed=billed,
            limit=limit,
            percentage=None if limit is None else round(100 * billed / max(limit, 1), 2),
        ),
        by_mcp=_by_mcp(report.mcps),
        by_key=[KeyUsageOfPeriod(key.id, key.name, key.requests) for key in report.keys],
        by_day=_by_day(report.days),
        by_status=_by_status(report.total),
    )


def _by_mcp(mcps: Sequence[Named]) -> list[McpUsage]:
    return [McpUsage(mcp.id, mcp.name, mcp.requests) for mcp in mcps]


def _by_day(days: Sequence[reports.Day]) -> list[DayUsage]:
    return [DayUsage(day.date, day.outcomes.requests, day.outcomes.failed, day.outcomes.denied) for day in days]


def _by_status(total: Outcomes) -> UsageByStatus:
    return UsageByStatus(total.succeeded, total.failed, total.denied)
