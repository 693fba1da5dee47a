"""Usage reports in responses."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from app.api import examples
from app.api.schemas import Count, KeyId, McpId, Time
from app.api.usage.period import HOURS_DAYS_MAX, Bucket, ReportPeriod, has_latencies
from projections.read_models.usage import report as usage
from projections.read_models.usage.key_details import KeyDetails
from projections.read_models.usage.organization_hours.queries import DetailedOutcomes, sum_of
from projections.read_models.usage.report import Denial, Named, Outcomes, Report, most_denied

COUNTING = (
    "Requests are accepted verifications, checks and calls. Each is counted within two seconds. Days are those of "
    "`time_zone`, and weeks start on Monday (ISO 8601). A call counts on the day on which it started."
)
"""The part of the description that all reports share."""

CurrentName = Annotated[str | None, Meta(description="The current name; null if the resource no longer exists.")]
ReportedPeriod = Annotated[
    Literal["day", "week", "month", "custom"], Meta(description="`custom` if the request gives dates or days.")
]
CountedUntil = Annotated[Time, Meta(description="Uses before this time are counted. Later ones may be missing.")]
Day = date
"""A day in the time zone of the report."""
ReportedZone = Annotated[str, Meta(description="The time zone of the days, as requested.")]


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


class DeniedUses(Struct, frozen=True):
    """`reason` is the error code of the denials, such as `ip_not_permitted`."""

    reason: str
    denied: Count


class LatencyPercentiles(Struct, frozen=True):
    """Latency of completed calls, exact below 16 ms and otherwise within an eighth. Null if there were none."""

    p50: Count | None
    p95: Count | None
    p99: Count | None


DeniedByReason = Annotated[list[DeniedUses], Meta(description="Most frequent first.")]


class UsageDetails(Struct, frozen=True, kw_only=True):
    """Details that `bucket` adds. `calls` have ended, so the error rate is `errors` divided by `calls`.

    A long period of an organization has refusals only.
    """

    denied_by_reason: DeniedByReason | UnsetType = UNSET
    calls: Annotated[Count, Meta(description="Calls that have ended.")] | UnsetType = UNSET
    latency_ms: LatencyPercentiles | UnsetType = UNSET


class DayUsage(UsageDetails, frozen=True, kw_only=True):
    """A day. The details are present with `bucket=day`, and for a key with any `bucket`.

    The latencies of a key are counted by UTC day and are missing in other time zones.
    """

    date: Day
    requests: Count
    errors: Count
    denied: Count


class HourUsage(UsageDetails, frozen=True, kw_only=True):
    """An hour, identified by its start. The details are present with `bucket=hour`; a key has no latencies by hour."""

    hour: Time
    requests: Count
    errors: Count
    denied: Count


class UsageByStatus(Struct, frozen=True):
    """Requests are successes or errors. Denied uses are not requests."""

    success: Count
    error: Count
    denied: Count


class KeyReport(Struct, frozen=True, kw_only=True):
    """The usage of a key. Lists contain the 100 most used MCP servers and tools; the total covers all.

    `latency_ms` covers all UTC days with any hour of the period.
    """

    key_id: KeyId
    period: ReportedPeriod
    start_date: Day
    end_date: Day
    time_zone: ReportedZone
    total_requests: Count
    by_mcp: list[McpUsage]
    by_tool: list[ToolUsage]
    by_day: list[DayUsage]
    by_status: UsageByStatus
    denied_by_reason: DeniedByReason
    latency_ms: LatencyPercentiles
    by_hour: (
        Annotated[list[HourUsage], Meta(description=f"Only with `bucket=hour`, or for at most {HOURS_DAYS_MAX} days.")]
        | UnsetType
    ) = UNSET
    counted_until: CountedUntil


class PlanUsage(Struct, frozen=True):
    """`billed` is the part of `total` that counts towards the plan: requests with live keys.

    Quotas are counted in UTC: in another time zone, `billed` covers the UTC days with the same dates.
    """

    total: Count
    billed: Count
    limit: Annotated[Count | None, Meta(description="Billed requests per month; null: unlimited.")]
    percentage: Annotated[float | None, Meta(description="`billed` as a percentage of `limit`; null: unlimited.")]


class OrganizationReport(UsageDetails, frozen=True, kw_only=True):
    """The usage of all keys of the organization. Lists contain the 100 most used MCP servers and keys.

    With `mcp_id`, the numbers are those of one MCP server, and `by_key` is absent.
    """

    period: ReportedPeriod
    start_date: Day
    end_date: Day
    time_zone: ReportedZone
    requests: PlanUsage
    by_mcp: list[McpUsage]
    by_key: list[KeyUsageOfPeriod] | UnsetType = UNSET
    by_key_exact: (
        Annotated[
            bool,
            Meta(
                description="Present only if false: the counts are exact, but keys that are not listed may have more."
            ),
        ]
        | UnsetType
    ) = UNSET
    by_day: list[DayUsage]
    by_status: UsageByStatus
    by_hour: Annotated[list[HourUsage], Meta(description="Only with `bucket=hour`.")] | UnsetType = UNSET
    counted_until: CountedUntil


_UNUSED = DetailedOutcomes()
_DAY = date(2026, 5, 1)
_BY_MCP = [McpUsage(mcp_id=examples.MCP_ID, name="Wiki", requests=12)]
_BY_DAY = [DayUsage(date=_DAY, requests=12, errors=1, denied=2)]
_BY_STATUS = UsageByStatus(success=11, error=1, denied=2)

KEY_REPORT_EXAMPLE = KeyReport(
    key_id=examples.KEY_ID,
    period="day",
    start_date=_DAY,
    end_date=_DAY,
    time_zone="UTC",
    total_requests=12,
    by_mcp=_BY_MCP,
    by_tool=[ToolUsage(mcp_id=examples.MCP_ID, tool="get_page", requests=12)],
    by_day=_BY_DAY,
    by_status=_BY_STATUS,
    denied_by_reason=[DeniedUses(reason="ip_not_permitted", denied=2)],
    latency_ms=LatencyPercentiles(p50=42, p95=118, p99=230),
    by_hour=[HourUsage(hour=examples.LATER, requests=12, errors=1, denied=2)],
    counted_until=examples.LATER,
)
ORGANIZATION_REPORT_EXAMPLE = OrganizationReport(
    period="day",
    start_date=_DAY,
    end_date=_DAY,
    time_zone="UTC",
    requests=PlanUsage(total=12, billed=12, limit=50_000, percentage=0.02),
    by_mcp=_BY_MCP,
    by_key=[KeyUsageOfPeriod(key_id=examples.KEY_ID, name="My agent", requests=12)],
    by_day=[DayUsage(date=_DAY, requests=12, errors=1, denied=2)],
    by_status=_BY_STATUS,
    by_hour=[
        HourUsage(
            hour=examples.LATER,
            requests=12,
            errors=1,
            denied=2,
            denied_by_reason=[DeniedUses(reason="rate_limited", denied=2)],
            calls=12,
            latency_ms=LatencyPercentiles(p50=42, p95=118, p99=230),
        )
    ],
    denied_by_reason=[DeniedUses(reason="rate_limited", denied=2)],
    calls=12,
    latency_ms=LatencyPercentiles(p50=42, p95=118, p99=230),
    counted_until=examples.LATER,
)


def to_key_report(
    key_id: str,
    period: ReportPeriod,
    report: Report,
    *,
    days: Mapping[date, KeyDetails],
    hours: Mapping[datetime, KeyDetails],
    counted_until: datetime,
) -> KeyReport:
    """Return the report on a key. `days` and `hours` are details, if any."""
    return KeyReport(
        key_id=key_id,
        period=period.period,
        start_date=period.span.since,
        end_date=period.span.until,
        time_zone=str(period.span.zone),
        total_requests=report.total.requests,
        by_mcp=_by_mcp(report.mcps),
        by_tool=[ToolUsage(tool.mcp_id, tool.name, tool.requests) for tool in report.tools],
        by_day=[_day(day, _key_details(days.get(day.date))) for day in report.days],
        by_status=_by_status(report.total),
        denied_by_reason=_denied(report.denials),
        latency_ms=LatencyPercentiles(*report.latency_ms),
        by_hour=[_hour(hour.start, hour.outcomes, _key_details(hours.get(hour.start))) for hour in report.hours]
        or UNSET,
        counted_until=counted_until,
    )


def to_organization_report(
    period: ReportPeriod,
    report: Report,
    limit: int | None,
    *,
    bucket: Bucket | None,
    details: Mapping[date | datetime, DetailedOutcomes],
    counted_until: datetime,
) -> OrganizationReport:
    """Return the report on an organization.

    `limit`: billed requests per month; None for an unlimited plan. `details`: the outcomes of each `bucket` with uses.
    """
    billed = report.total.billed
    to_details = _details if has_latencies(period.span) else _refusals
    total = UsageDetails() if bucket is None else to_details(sum_of(details.values()))
    return OrganizationReport(
        period=period.period,
        start_date=period.span.since,
        end_date=period.span.until,
        time_zone=str(period.span.zone),
        requests=PlanUsage(
            total=report.total.requests,
            billed=billed,
            limit=limit,
            percentage=None if limit is None else round(100 * billed / max(limit, 1), 2),
        ),
        by_mcp=_by_mcp(report.mcps),
        by_key=[KeyUsageOfPeriod(key.id, key.name, key.requests) for key in report.keys]
        if report.keys is not None
        else UNSET,
        by_day=[
            _day(day, to_details(details.get(day.date, _UNUSED)) if bucket == "day" else UsageDetails())
            for day in report.days
        ],
        by_key_exact=UNSET if report.keys_exact else False,
        by_status=_by_status(report.total),
        by_hour=[_outcomes_hour(hour, details.get(hour, _UNUSED), to_details) for hour in period.span.hours]
        if bucket == "hour"
        else UNSET,
        denied_by_reason=total.denied_by_reason,
        calls=total.calls,
        latency_ms=total.latency_ms,
        counted_until=counted_until,
    )


def _day(day: usage.Day, details: UsageDetails) -> DayUsage:
    return DayUsage(
        date=day.date,
        requests=day.outcomes.requests,
        errors=day.outcomes.failed,
        denied=day.outcomes.denied,
        **structs.asdict(details),
    )


def _hour(start: datetime, outcomes: Outcomes, details: UsageDetails) -> HourUsage:
    return HourUsage(
        hour=start,
        requests=outcomes.requests,
        errors=outcomes.failed,
        denied=outcomes.denied,
        **structs.asdict(details),
    )


def _outcomes_hour(
    start: datetime,
    outcomes: DetailedOutcomes,
    to_details: Callable[[DetailedOutcomes], UsageDetails],
) -> HourUsage:
    return _hour(start, outcomes.numbers, to_details(outcomes))


def _key_details(details: KeyDetails | None) -> UsageDetails:
    if details is None:
        return UsageDetails()
    return UsageDetails(
        denied_by_reason=_denied(most_denied(details.denied)),
        calls=details.calls,
        latency_ms=UNSET if details.latency_ms is None else LatencyPercentiles(*details.latency_ms),
    )


def _details(outcomes: DetailedOutcomes) -> UsageDetails:
    return structs.replace(
        _refusals(outcomes), calls=outcomes.calls, latency_ms=LatencyPercentiles(*outcomes.latency_ms)
    )


def _refusals(outcomes: DetailedOutcomes) -> UsageDetails:
    return UsageDetails(denied_by_reason=_denied(most_denied(outcomes.denied)))


def _denied(denials: Sequence[Denial]) -> list[DeniedUses]:
    return [DeniedUses(denial.reason, denial.denied) for denial in denials]


def _by_mcp(mcps: Sequence[Named]) -> list[McpUsage]:
    return [McpUsage(mcp.id, mcp.name, mcp.requests) for mcp in mcps]


def _by_status(total: Outcomes) -> UsageByStatus:
    return UsageByStatus(total.succeeded, total.failed, total.denied)
