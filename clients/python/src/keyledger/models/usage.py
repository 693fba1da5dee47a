"""Counts of uses, as the API returns them. Days are those of the time zone of the report."""

from datetime import date, datetime
from typing import TypeAlias

from msgspec import Struct

Day: TypeAlias = date


class McpRequests(Struct, frozen=True):
    """Requests to one MCP. `name` is its current name, or None if it was deleted."""

    mcp_id: str
    requests: int
    name: str | None = None


class KeyRequests(Struct, frozen=True):
    key_id: str
    requests: int
    name: str | None = None


class ToolRequests(Struct, frozen=True):
    tool: str
    requests: int
    mcp_id: str | None = None


class DeniedUses(Struct, frozen=True):
    """Uses that were denied for a reason: the error code of the denials."""

    reason: str
    denied: int


class Outcomes(Struct, frozen=True):
    """Successful and failed requests. Denied ones do not count as requests."""

    success: int
    error: int
    denied: int


class Latency(Struct, frozen=True):
    """Percentiles in milliseconds. None: no call has ended."""

    p50: int | None = None
    p95: int | None = None
    p99: int | None = None


class DayRequests(Struct, frozen=True):
    """Requests on one day. Denied uses do not count as requests.

    `denied_by_reason`, `calls` (ended ones) and `latency_ms` are present with `bucket="day"`, for a key with any one.
    For more than 31 days, an organization has `denied_by_reason` only. A key has `latency_ms` for UTC days only.
    """

    date: Day
    requests: int
    errors: int
    denied: int = 0
    denied_by_reason: tuple[DeniedUses, ...] | None = None
    calls: int | None = None
    latency_ms: Latency | None = None


class HourRequests(Struct, frozen=True):
    """Requests in one hour. `hour` is its start, and `calls` have ended: the error rate is `errors` divided by `calls`.

    Details are present with `bucket="hour"`. The latencies of a key are counted by day only.
    """

    hour: datetime
    requests: int
    errors: int
    denied: int = 0
    denied_by_reason: tuple[DeniedUses, ...] | None = None
    calls: int | None = None
    latency_ms: Latency | None = None


class PlanRequests(Struct, frozen=True):
    """`billed` requests of `total` count towards the monthly `limit`. None: the plan has no limit.

    Quotas are counted in UTC: `billed` covers the UTC days with the dates of the report.
    """

    total: int
    billed: int
    limit: int | None = None
    percentage: float | None = None


class KeyReport(Struct, frozen=True, kw_only=True):
    """Usage of one key. Uses before `counted_until` are counted.

    `by_hour` is present with `bucket="hour"` and for at most 8 days. Latencies are counted by UTC day: `latency_ms` is
    that of all UTC days with any hour of the period.
    """

    key_id: str
    period: str
    start_date: Day
    end_date: Day
    time_zone: str = "UTC"
    total_requests: int
    by_mcp: tuple[McpRequests, ...] = ()
    by_tool: tuple[ToolRequests, ...] = ()
    by_day: tuple[DayRequests, ...] = ()
    by_hour: tuple[HourRequests, ...] = ()
    by_status: Outcomes
    denied_by_reason: tuple[DeniedUses, ...] = ()
    latency_ms: Latency = Latency()
    counted_until: datetime


class OrganizationReport(Struct, frozen=True, kw_only=True):
    """Usage of all keys of the organization, or of one MCP server, in which case `by_key` is empty.

    Not `by_key_exact`: keys that are not listed may have more requests than the last ones of `by_key`.
    Uses before `counted_until` are counted.
    `by_hour` is present with `bucket="hour"`; the totals `denied_by_reason`, `calls` and `latency_ms` with any bucket,
    but for more than 31 days only the first of them.
    """

    period: str
    start_date: Day
    end_date: Day
    time_zone: str = "UTC"
    requests: PlanRequests
    by_mcp: tuple[McpRequests, ...] = ()
    by_key: tuple[KeyRequests, ...] = ()
    by_key_exact: bool = True
    by_day: tuple[DayRequests, ...] = ()
    by_hour: tuple[HourRequests, ...] = ()
    by_status: Outcomes
    denied_by_reason: tuple[DeniedUses, ...] | None = None
    calls: int | None = None
    latency_ms: Latency | None = None
    counted_until: datetime


class HistoryDay(Struct, frozen=True):
    """A UTC day with usage."""

    date: Day
    requests: int
    errors: int
    denied: int
    billed: int
