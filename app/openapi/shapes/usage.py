"""Response shapes of usage reports, which `app/api/usage/schemas.py` creates."""

from datetime import date
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from app.api.schemas import Count, KeyId, McpId, Time

Name = Annotated[str | None, Meta(description="The current name; null if the resource no longer exists.")]
AskedPeriod = Annotated[
    Literal["day", "week", "month", "custom"], Meta(description="`custom` if the request gives dates.")
]
Day = date
"""A UTC day."""


class McpUsage(Struct):
    mcp_id: McpId
    name: Name
    requests: Count


class KeyUsageOfPeriod(Struct):
    key_id: KeyId
    name: Name
    requests: Count


class ToolUsage(Struct):
    """`mcp_id` is null for a tool without a particular MCP server."""

    mcp_id: McpId | None
    tool: str
    requests: Count


class DayUsage(Struct):
    date: Day
    requests: Count
    errors: Count


class HourUsage(Struct):
    """An hour, identified by its start."""

    hour: Time
    requests: Count
    errors: Count


class UsageByStatus(Struct):
    """Requests are successes or errors. Denied uses are not requests."""

    success: Count
    error: Count
    denied: Count


class LatencyPercentiles(Struct):
    """Latency of completed calls, exact below 16 ms and otherwise within an eighth. Null if there were none."""

    p50: Count | None
    p95: Count | None
    p99: Count | None


class KeyReport(Struct):
    """The usage of a key. Lists contain the 100 most used MCP servers and tools; the total covers all."""

    key_id: KeyId
    period: AskedPeriod
    start_date: Day
    end_date: Day
    total_requests: Count
    by_mcp: list[McpUsage]
    by_tool: list[ToolUsage]
    by_day: list[DayUsage]
    by_status: UsageByStatus
    latency_ms: LatencyPercentiles
    by_hour: Annotated[list[HourUsage], Meta(description="Only for a single day.")] | UnsetType = UNSET


class PlanUsage(Struct):
    """`billed` is the part of `total` that counts towards the plan: requests with live keys."""

    total: Count
    billed: Count
    limit: Annotated[Count | None, Meta(description="Billed requests per month; null: unlimited.")]
    percentage: Annotated[float | None, Meta(description="`billed` as a percentage of `limit`; null: unlimited.")]


class OrganizationReport(Struct):
    """The usage of all keys of the organization. Lists contain the 100 most used MCP servers and keys."""

    period: AskedPeriod
    start_date: Day
    end_date: Day
    requests: PlanUsage
    by_mcp: list[McpUsage]
    by_key: list[KeyUsageOfPeriod]
    by_day: list[DayUsage]
    by_status: UsageByStatus


class HistoryDay(Struct):
    """A day with any usage."""

    date: Day
    requests: Count
    errors: Count
    denied: Count
    billed: Count
