"""GET /keys/{key_id}/usage: the requests of one key over a period, by outcome, MCP server and tool."""

from asyncio import gather
from typing import NamedTuple

from msgspec import Struct, structs

from app.api.api_keys.get import KeyDetail, get_key
from app.api.api_keys.usage import get_key_usage
from app.api.usage.schemas import KeyReport
from app.pages.activity_table import reason_text
from app.pages.charts.bars import Outcomes, requests_chart
from app.pages.charts.chart import Chart, Frame
from app.pages.charts.error_rate import Calls, error_rate_chart
from app.pages.charts.period import Period
from app.pages.keys.heading import heading_of
from app.pages.keys.servers import DELETED, all_servers, names_of
from app.pages.page import Page
from app.pages.query import page_query
from app.pages.rendering import PageResponse
from app.pages.usage_reports import PERIODS, outcomes_of, reported_period, share, totals_of
from app.pages.visit import Visit
from infrastructure.clock import now


class Query(Struct, frozen=True):
    days: int = 30


class Share(NamedTuple):
    """A row of a table: what was requested, how often, and its share of all requests."""

    name: str
    server: str
    requests: int
    share: str
    link: str = ""


@Page("GET", "/keys/{key_id}/usage", access="keys:read")
async def key_usage_page(visit: Visit, key_id: str) -> PageResponse:
    chosen = reported_period(page_query(visit.request, Query).days)
    at = now()
    key = await visit.read(get_key, KeyDetail, key_id=key_id)
    servers, report = await gather(
        all_servers(visit), visit.read(get_key_usage, KeyReport, chosen.query(at), key_id=key_id)
    )
    period = chosen.period(at)
    outcomes = outcomes_of(report, period)
    names = names_of(servers)
    path = f"/keys/{key_id}"
    return await visit.page(
        "keys/usage.html",
        key=key,
        heading=heading_of(visit, key, at, "Usage"),
        periods=[(each.title, f"{path}/usage?days={each.days}", each == chosen) for each in PERIODS],
        chosen=chosen,
        totals=totals_of(outcomes),
        latency=report.latency_ms,
        requests=requests_chart(Frame(id="requests", heading="Requests"), period, outcomes),
        errors=_error_chart(period, outcomes),
        mcps=[
            Share(
                each.name or DELETED,
                "",
                each.requests,
                share(each.requests, report.total_requests),
                f"{path}/activity?mcp_id={each.mcp_id}",
            )
            for each in report.by_mcp
        ],
        tools=[
            Share(
                each.tool,
                names.get(each.mcp_id, DELETED) if each.mcp_id else "",
                each.requests,
                share(each.requests, report.total_requests),
            )
            for each in report.by_tool
        ],
        denials=[
            Share(
                reason_text(each.reason),
                "",
                each.denied,
                share(each.denied, report.by_status.denied),
                f"{path}/activity?status=denied&reason={each.reason}",
            )
            for each in report.denied_by_reason
        ],
        since=report.start_date,
    )


def _error_chart(period: Period, outcomes: list[Outcomes]) -> Chart:
    calls = [Calls(each.time, each.accepted + each.errors, each.errors) for each in outcomes]
    chart = error_rate_chart(Frame(id="errors", heading="Error rate"), period, calls)
    return structs.replace(chart, subject=f"Percent of accepted requests, per {period.unit}, UTC")
