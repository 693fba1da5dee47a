"""GET /keys/{key_id}/usage: the requests of one key over a period, by outcome, reason, MCP server, tool and client."""

from asyncio import gather
from datetime import datetime

from msgspec import Struct

from app.api.api_keys.clients import KeyClients, get_key_clients
from app.api.api_keys.get import KeyDetail, get_key
from app.api.api_keys.usage import get_key_usage
from app.api.usage.schemas import KeyReport
from app.pages.alerts.marks import alerts_about, marks_of
from app.pages.charts.bars import refusals_chart, requests_chart
from app.pages.charts.chart import Alert, Chart, Frame
from app.pages.charts.error_rate import error_rate_chart
from app.pages.charts.latency import latency_chart
from app.pages.charts.period import Unit, period_until
from app.pages.keys.heading import heading_of
from app.pages.keys.servers import named_servers, names_of
from app.pages.page import Page
from app.pages.parts.activity_table import reason_text
from app.pages.parts.usage_reports import (
    ReportedPeriod,
    Share,
    calls_of,
    frame_of,
    latencies_of,
    outcomes_of,
    period_links,
    refusals_of,
    reported_period,
    share,
    totals_of,
)
from app.pages.query import page_query
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from app.pages.wording.text import instant, number, plural
from app.pages.wording.words import DELETED_SERVER
from infrastructure.clock import now
from projections.log_queries.activity.clients import USES_MAX


class Query(Struct, frozen=True):
    days: int = 30


@Page("GET", "/keys/{key_id}/usage", access="keys:read")
async def key_usage_page(visit: Visit, key_id: str) -> PageResponse:
    chosen = reported_period(page_query(visit.request, Query).days)
    at = now()
    key = await visit.read(get_key, KeyDetail, key_id=key_id)
    servers, report, alerts, clients = await gather(
        named_servers(visit),
        visit.read(get_key_usage, KeyReport, chosen.detailed_query(at), key_id=key_id),
        alerts_about(visit, key_id),
        visit.read(get_key_clients, KeyClients, key_id=key_id),
    )
    period = chosen.period(at)
    outcomes = outcomes_of(report, period)
    names = names_of(servers)
    path = f"/keys/{key_id}"
    return await visit.page(
        "keys/usage.html",
        key=key,
        heading=heading_of(visit, key, at, "Usage"),
        periods=period_links(f"{path}/usage", chosen),
        chosen=chosen,
        totals=totals_of(outcomes),
        latency=report.latency_ms,
        charts=_charts(report, chosen, at, marks_of(alerts)),
        mcps=[
            Share(
                each.name or DELETED_SERVER.capitalize(),
                each.requests,
                share(each.requests, report.total_requests),
                f"{path}/activity?mcp_id={each.mcp_id}",
            )
            for each in report.by_mcp
        ],
        tools=[
            Share(
                each.tool,
                each.requests,
                share(each.requests, report.total_requests),
                server=names.get(each.mcp_id, DELETED_SERVER) if each.mcp_id else "",
            )
            for each in report.by_tool
        ],
        denials=[
            Share(
                reason_text(each.reason),
                each.denied,
                share(each.denied, report.by_status.denied),
                f"{path}/activity?status=denied&reason={each.reason}",
            )
            for each in report.denied_by_reason
        ],
        clients=clients,
        clients_text=_clients_text(clients),
        since=report.start_date,
    )


def _clients_text(found: KeyClients) -> str:
    """Return what the table of clients covers."""
    if found.since is None:
        return "This key hasn't been used yet."
    covered = f"the newest {number(found.uses)} uses, from" if found.uses == USES_MAX else "every use since"
    text = f"Covers {covered} {instant(found.since)}, also refused ones. Clients choose their own name."
    hidden = found.total - len(found.clients)
    return (
        f"{text} {plural(hidden, 'client')} with the fewest uses {'is' if hidden == 1 else 'are'} not shown."
        if hidden
        else text
    )


def _charts(report: KeyReport, chosen: ReportedPeriod, at: datetime, alerts: list[Alert]) -> list[Chart]:
    """Return the charts of the period.

    Error rates and latencies of several days are shown by day: most hours of a key have too few calls for a rate, and
    latencies are counted by day. One day has no chart of latencies.
    """
    period, query = chosen.period(at), chosen.detailed_query(at)
    days = period if chosen.days == 1 else period_until(at, "day", chosen.days)

    def frame(name: str, title: str, unit: Unit) -> Frame:
        path = f"/v1/api-keys/{report.key_id}/usage"
        return frame_of(title, name, report, at, path, {**query, "bucket": unit})

    charts = [
        requests_chart(frame("requests", "Requests", period.unit), period, outcomes_of(report, period), alerts),
        refusals_chart(frame("refusals", "Refusals by reason", period.unit), period, refusals_of(report, period)),
        error_rate_chart(frame("errors", "Error rate", days.unit), days, calls_of(report, days)),
    ]
    if chosen.days > 1:
        charts.append(latency_chart(frame("latency", "Latency", "day"), days, latencies_of(report, days)))
    return charts
