"""GET /usage: the requests of the organization over a period, and the use of its plan this month."""

from asyncio import gather

from msgspec import Struct

from app.api.usage.current import get_usage
from app.api.usage.schemas import OrganizationReport
from app.pages.charts.bars import refusals_chart, requests_chart
from app.pages.charts.chart import Frame
from app.pages.charts.month import month_of
from app.pages.page import Page
from app.pages.parts.activity_table import reason_text
from app.pages.parts.month_usage import billed_requests, plan_chart
from app.pages.parts.usage_reports import (
    Share,
    frame_of,
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
from app.pages.wording.words import DELETED_SERVER
from infrastructure.clock import now

_ROWS_MAX = 20

DELETED_KEY = "A key"


class Query(Struct, frozen=True):
    days: int = 30


@Page("GET", "/usage", access="usage:read")
async def usage_page(visit: Visit) -> PageResponse:
    chosen = reported_period(page_query(visit.request, Query).days)
    at = now()
    month = month_of(at)
    report, billed = await gather(
        visit.read(get_usage, OrganizationReport, {**chosen.detailed_query(at), "keys": _ROWS_MAX}),
        billed_requests(visit, month),
    )
    period = chosen.period(at)
    outcomes = outcomes_of(report, period)

    def frame(name: str, title: str) -> Frame:
        return frame_of(title, name, report, at, "/v1/usage", chosen.detailed_query(at))

    return await visit.page(
        "usage/get.html",
        periods=period_links("/usage", chosen),
        chosen=chosen,
        totals=totals_of(outcomes),
        latency=report.latency_ms or None,
        requests=requests_chart(frame("requests", "Requests"), period, outcomes),
        refusals=refusals_chart(frame("refusals", "Refusals by reason"), period, refusals_of(report, period)),
        mcps=_mcps(visit, report),
        keys=_keys(visit, report),
        are_keys_exact=report.by_key_exact is not False,
        denials=_denials(visit, report),
        billed=sum(day.requests for day in billed),
        limit=report.requests.limit,
        month=plan_chart(month, billed, report.requests.limit),
        since=report.start_date,
    )


def _mcps(visit: Visit, report: OrganizationReport) -> list[Share]:
    total = report.requests.total
    return [
        Share(
            each.name or DELETED_SERVER.capitalize(),
            each.requests,
            share(each.requests, total),
            f"/activity?mcp_id={each.mcp_id}" if visit.can("audit:read") else "",
        )
        for each in report.by_mcp[:_ROWS_MAX]
    ]


def _keys(visit: Visit, report: OrganizationReport) -> list[Share]:
    total = report.requests.total
    return [
        Share(
            each.name or DELETED_KEY,
            each.requests,
            share(each.requests, total),
            f"/keys/{each.key_id}" if visit.can("keys:read") else "",
        )
        for each in report.by_key or []
    ]


def _denials(visit: Visit, report: OrganizationReport) -> list[Share]:
    denials = report.denied_by_reason or ()
    # Not the sum of keys, because unknown keys are refused too.
    total = sum(each.denied for each in denials)
    return [
        Share(
            reason_text(each.reason),
            each.denied,
            share(each.denied, total),
            f"/activity?status=denied&reason={each.reason}" if visit.can("audit:read") else "",
        )
        for each in denials
    ]
