"""GET /v1/alerts: list the alerts of the organization, newest first."""

from typing import Annotated

from litestar import get
from msgspec import Meta, Struct

from app.api.alerts.schemas import alert_shape
from app.handlers import HttpRequest, HttpResponse, get_services, parse_query
from app.http.pagination import PER_PAGE_DEFAULT, PageNumber, PerPage
from app.pagination import Page
from domain.alerts.events import AlertType, Severity
from projections.paging import MAX_OFFSET
from projections.read_models.alerts.list.queries import Filters, Status, alerts, count


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    type: AlertType | None = None
    status: Status | None = None
    key_id: Annotated[str, Meta(max_length=100)] | None = None
    severity: Severity | None = None
    page: PageNumber | None = None
    cursor: str | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


@get("/v1/alerts", grant="alerts:read")
async def list_alerts(request: HttpRequest) -> HttpResponse:
    query = parse_query(request, Query)
    services = get_services(request)
    organization_id = request.auth.organization_id
    filters = Filters(type=query.type, severity=query.severity, key_id=query.key_id, status=query.status)
    page = Page(request, query, f"alerts {organization_id} {filters}")
    async with services.read_transaction(organization_id) as connection:
        total = await count(connection, organization_id, filters, MAX_OFFSET + 1)
        found = await alerts(
            connection,
            organization_id,
            filters,
            limit=page.limit,
            after=page.after,
            offset=page.offset_within(total),
        )
    return page.respond(
        found,
        alert_shape,
        lambda state: (state.alert.raised_at, state.alert.id),
        total=min(total, MAX_OFFSET),
        exact=total <= MAX_OFFSET,
    )
