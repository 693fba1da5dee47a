"""GET /mcps/{id}: one MCP server with its health, usage, tools, and the keys that can reach it."""

from asyncio import gather
from typing import NamedTuple

from msgspec import Struct

from app.api.api_keys.list import list_keys
from app.api.api_keys.schemas import Key
from app.api.audit.list import list_audit_events
from app.api.audit.schemas import AuditEvent
from app.api.mcps.get import McpDetail, get_mcp
from app.api.usage.current import get_usage
from app.api.usage.schemas import OrganizationReport
from app.pages.charts.bars import requests_chart
from app.pages.charts.chart import Chart, Frame
from app.pages.charts.error_rate import error_rate_chart
from app.pages.charts.latency import latency_chart
from app.pages.page import Page
from app.pages.parts.usage_reports import (
    PERIODS,
    ReportedPeriod,
    calls_of,
    frame_of,
    latencies_of,
    outcomes_of,
    period_links,
    reported_period,
)
from app.pages.query import page_query
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from infrastructure.clock import now

_PERIODS = [period for period in PERIODS if period.is_detailed]


class Query(Struct, frozen=True):
    days: int = 7


class Reach(NamedTuple):
    """Active keys that can reach a server: those that name it, and those for all servers of its environment."""

    named: int
    all_mcps: int

    @property
    def total(self) -> int:
        return self.named + self.all_mcps


@Page("GET", "/mcps/{mcp_id}", access="mcps:read")
async def mcp_page(visit: Visit, mcp_id: str) -> PageResponse:
    chosen = reported_period(page_query(visit.request, Query).days, _PERIODS)
    mcp, reach, change, charts = await gather(
        visit.read(get_mcp, McpDetail, mcp_id=mcp_id),
        keys_reaching(visit, mcp_id),
        _last_health_change(visit, mcp_id),
        _charts(visit, mcp_id, chosen),
    )
    return await visit.page(
        "mcps/get.html",
        mcp=mcp,
        keys=reach,
        health_change=change,
        charts=charts,
        periods=period_links(f"/mcps/{mcp_id}", chosen, _PERIODS, section="usage"),
    )


async def keys_reaching(visit: Visit, mcp_id: str) -> Reach | None:
    """Return how many active keys can reach the server, or None for a visitor who sees no keys.

    A member gets the number of their own keys.
    """
    if not visit.can("keys:read"):
        return None
    query = {"mcp_id": mcp_id, "status": "active", "per_page": 1}
    every, for_all = await gather(
        visit.read_list(list_keys, Key, query), visit.read_list(list_keys, Key, {**query, "mcp_access": "all"})
    )
    all_mcps = for_all.pagination.total or 0
    return Reach((every.pagination.total or 0) - all_mcps, all_mcps)


async def _charts(visit: Visit, mcp_id: str, chosen: ReportedPeriod) -> list[Chart]:
    if not visit.can("usage:read"):
        return []
    at = now()
    period, query = chosen.period(at), {**chosen.detailed_query(at), "mcp_id": mcp_id}
    report = await visit.read(get_usage, OrganizationReport, query)

    def frame(name: str, title: str) -> Frame:
        return frame_of(title, name, report, at, "/v1/usage", query)

    return [
        requests_chart(frame("requests", "Requests"), period, outcomes_of(report, period)),
        error_rate_chart(frame("errors", "Error rate"), period, calls_of(report, period)),
        latency_chart(frame("latency", "Latency"), period, latencies_of(report, period)),
    ]


async def _last_health_change(visit: Visit, mcp_id: str) -> AuditEvent | None:
    if not visit.can("audit:read"):
        return None
    query = {"type": "mcp.health_changed", "resource": mcp_id, "per_page": 1}
    events = (await visit.read_list(list_audit_events, AuditEvent, query)).data
    return events[0] if events else None
