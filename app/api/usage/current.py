"""GET /v1/usage: return the organization's usage and the limit of its plan, also as CSV."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from app.api.usage.csv_file import CSV, CSV_HEADERS, usage_response
from app.api.usage.period import Bucket, OrganizationQuery, has_latencies, parse_period
from app.api.usage.schemas import COUNTING, ORGANIZATION_REPORT_EXAMPLE, OrganizationReport, to_organization_report
from app.handlers import HttpRequest, HttpResponse, Success, get_services
from app.route import Route
from domain.organizations.errors import OrganizationNotFound
from infrastructure.clock import now
from infrastructure.database.connections import Connection
from projections.read_models.usage.counted_until import counted_until
from projections.read_models.usage.organization_hours.queries import (
    DetailedOutcomes,
    Selection,
    outcomes_by_day,
    outcomes_by_hour,
    refusals_by_day,
    sum_of,
)
from projections.read_models.usage.organization_report import organization_report, plan_of
from projections.read_models.usage.span import Span


@Route(
    "GET",
    "/v1/usage",
    access="usage:read",
    tag="Usage",
    summary="Get the usage of the organization",
    description=f"The response includes the limit of the plan. {COUNTING}",
    example=ORGANIZATION_REPORT_EXAMPLE,
    other_media_types=(CSV,),
    headers=CSV_HEADERS,
)
async def get_usage(request: HttpRequest, query: OrganizationQuery) -> Success[OrganizationReport] | HttpResponse:
    return usage_response(await report_on_organization(request, query), query)


async def report_on_organization(request: HttpRequest, query: OrganizationQuery) -> OrganizationReport:
    """Return the usage. Only keys that the caller can see are listed, but the sums cover the whole organization."""
    at = now()
    period = parse_period(query, at)
    caller = request.auth
    services = get_services(request)
    async with services.read_transaction(caller.organization_id) as connection:
        plan = await plan_of(connection, caller.organization_id)
        if plan is None:
            raise OrganizationNotFound
        until = await counted_until(connection, at)
        selection = Selection(caller.organization_id, query.mcp_id, period.span)
        details = await _details(connection, selection, query.bucket)
        report = await organization_report(
            connection,
            caller.organization_id,
            period.span,
            created_by=caller.visible_keys.created_by,
            mcp_id=query.mcp_id,
            keys=query.keys,
            by_day=None if period.span.is_utc else _by_day(period.span, query.bucket, details),
        )
    return to_organization_report(
        period,
        report,
        services.plans[plan].monthly_requests,
        bucket=query.bucket,
        details=details,
        counted_until=until,
    )


async def _details(
    connection: Connection, selection: Selection, bucket: Bucket | None
) -> Mapping[date | datetime, DetailedOutcomes]:
    """Return the outcomes by the start of the hour or by day. Those of a long period have no latencies."""
    with_latencies = has_latencies(selection.span)
    match bucket:
        case None:
            return {}
        case "hour":
            return {**await outcomes_by_hour(connection, selection, with_latencies=with_latencies)}
        case "day" if with_latencies or selection.mcp_id is not None or not selection.span.is_utc:
            return {**await outcomes_by_day(connection, selection, with_latencies=with_latencies)}
        case "day":
            # A year of days is read faster without their requests, which the report has.
            refusals = await refusals_by_day(connection, selection.organization_id, selection.span)
            return {day: DetailedOutcomes(denied=denied) for day, denied in refusals.items()}


def _by_day(
    span: Span, bucket: Bucket | None, details: Mapping[Any, DetailedOutcomes]
) -> Mapping[date, DetailedOutcomes] | None:
    """Return the outcomes of each day from those of each `bucket`; None without a bucket."""
    match bucket:
        case None:
            return None
        case "hour":
            return {day: sum_of(parts) for day, parts in span.by_day(details).items()}
        case "day":
            return details
