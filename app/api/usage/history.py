"""GET /v1/usage/history: the days on which the organization used anything, newest first."""

from datetime import date, timedelta

from litestar import get
from msgspec import Struct, structs

from app.api.usage.schemas import day_shape
from app.handlers import HttpRequest, HttpResponse, get_services, parse_query, raw_request, success
from app.http.errors import invalid
from app.http.pagination import (
    PER_PAGE_DEFAULT,
    CursorPosition,
    PageNumber,
    PerPage,
    decode_cursor,
    next_link,
    pagination,
)
from projections.read_models.usage.reports import Span, organization_days, organization_days_total


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    start_date: date | None = None
    end_date: date | None = None
    page: PageNumber | None = None
    cursor: str | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


@get("/v1/usage/history", grant="usage:read")
async def usage_history(request: HttpRequest) -> HttpResponse:
    query = parse_query(request, Query)
    services = get_services(request)
    organization_id = request.auth.organization_id
    span = Span(query.start_date or date.min, query.end_date or date.max)
    if span.until < span.since:
        raise invalid(end_date="Must not be before start_date")
    purpose = f"usage history {organization_id} {span}"
    last = decode_cursor(services.cursors, query.cursor, query.page, purpose)
    number = query.page or 1
    rest = span if last is None else span._replace(until=date.fromisoformat(last.value) - timedelta(days=1))
    async with services.read_transaction(organization_id) as connection:
        found = await organization_days(
            connection, organization_id, rest, limit=query.per_page + 1, offset=(number - 1) * query.per_page
        )
        count = await organization_days_total(connection, organization_id, span)
    shown = found[: query.per_page]
    cursor = None
    if len(found) > query.per_page:
        cursor = services.cursors.encode(CursorPosition(shown[-1].at.isoformat(), organization_id), purpose=purpose)
    return success(
        [day_shape(moment) for moment in shown],
        headers=next_link(raw_request(request), services.config.public_url, structs.asdict(query), cursor),
        pagination=pagination(page=None if last else number, per_page=query.per_page, total=count, next_cursor=cursor),
    )
