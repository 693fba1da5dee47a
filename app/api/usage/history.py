"""GET /v1/usage/history: list the days on which the organization had any usage, newest first."""

from datetime import date, timedelta

from litestar import get
from msgspec import Struct

from app.api.usage.schemas import day_shape
from app.handlers import HttpRequest, HttpResponse, get_services, parse_query
from app.http.errors import invalid
from app.http.pagination import PER_PAGE_DEFAULT, PageNumber, PerPage
from app.pagination import Page
from projections.read_models.usage.reports import Span, organization_days, organization_days_total


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    start_date: date | None = None
    end_date: date | None = None
    page: PageNumber | None = None
    cursor: str | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


@get("/v1/usage/history", access="usage:read")
async def usage_history(request: HttpRequest) -> HttpResponse:
    query = parse_query(request, Query)
    services = get_services(request)
    organization_id = request.auth.organization_id
    span = Span(query.start_date or date.min, query.end_date or date.max)
    if span.until < span.since:
        raise invalid(end_date="Must not be before start_date")
    page, rest = Page(request, query, f"usage history {organization_id} {span}"), span
    if page.last is not None:
        rest = span._replace(until=date.fromisoformat(page.last.value) - timedelta(days=1))
    async with services.read_transaction(organization_id) as connection:
        found = await organization_days(connection, organization_id, rest, limit=page.limit, offset=page.offset)
        count = await organization_days_total(connection, organization_id, span)
    return page.respond(found, day_shape, lambda day: (day.at.isoformat(), organization_id), total=count)
