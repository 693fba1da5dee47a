"""GET /v1/usage/history: list the days on which the organization had any usage, newest first.

They are UTC days, by which billed requests are counted.
"""

from datetime import date, timedelta

from msgspec import Struct

from app.api.schemas import Count
from app.api.usage.period import EndDate, StartDate
from app.handlers import HttpRequest, ListResponse, get_services
from app.http.errors import invalid
from app.http.pagination import PER_PAGE_DEFAULT, Cursor, PageNumber, PerPage
from app.pagination import Page
from app.route import Route
from projections.read_models.usage.history import organization_days, organization_days_total
from projections.read_models.usage.report import Day
from projections.read_models.usage.span import Span


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    start_date: StartDate | None = None
    end_date: EndDate | None = None
    page: PageNumber | None = None
    cursor: Cursor | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


class HistoryDay(Struct, frozen=True):
    """A day with any usage."""

    date: date
    requests: Count
    errors: Count
    denied: Count
    billed: Count


@Route(
    "GET",
    "/v1/usage/history",
    access="usage:read",
    tag="Usage",
    summary="List the days with usage",
    description="Newest first, as UTC days, by which quotas are counted. Days without usage are left out.",
    example=HistoryDay(date=date(2026, 5, 1), requests=12, errors=1, denied=2, billed=11),
)
async def list_usage_history(request: HttpRequest, query: Query) -> ListResponse[HistoryDay]:
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
    return page.respond(found, _to_day, lambda day: (day.date.isoformat(), organization_id), total=count)


def _to_day(day: Day) -> HistoryDay:
    outcomes = day.outcomes
    return HistoryDay(
        date=day.date,
        requests=outcomes.requests,
        errors=outcomes.failed,
        denied=outcomes.denied,
        billed=outcomes.billed,
    )
