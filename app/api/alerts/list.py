"""GET /v1/alerts: what the organization was warned of, newest first."""

from datetime import datetime
from typing import Annotated

from litestar import get
from msgspec import Meta, Struct, structs

from app.api.alerts.shape import alert_shape
from app.api.paging import (
    PER_PAGE_DEFAULT,
    PageNumber,
    PerPage,
    Position,
    link_next,
    offset_of,
    opened,
    pagination,
)
from app.requests import HttpRequest, HttpResponse, inbound_of, query_of, services_of, success
from domain.alerts.events import AlertType, Severity
from projections.alert_list.queries import Filters, Status, alerts, count
from projections.paging import DEPTH_MAX


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
    query = query_of(request, Query)
    services = services_of(request)
    organization_id = request.auth.organization_id
    filters = Filters(type=query.type, severity=query.severity, key_id=query.key_id, status=query.status)
    purpose = f"alerts {organization_id} {filters}"
    last = opened(services.cursors, query.cursor, query.page, purpose)
    after = None if last is None else (datetime.fromisoformat(last.value), last.id)
    async with services.reading(organization_id) as connection:
        total = await count(connection, organization_id, filters, DEPTH_MAX + 1)
        found = await alerts(
            connection,
            organization_id,
            filters,
            limit=query.per_page + 1,
            after=after,
            offset=offset_of(query.page, query.per_page, total),
        )
    shown = found[: query.per_page]
    cursor = None
    if len(found) > query.per_page:
        alert = shown[-1].alert
        cursor = services.cursors.encode(Position(alert.raised_at.isoformat(), alert.id), purpose=purpose)
    return success(
        [alert_shape(state) for state in shown],
        headers=link_next(inbound_of(request), services.config.public_url, structs.asdict(query), cursor),
        pagination=pagination(
            page=None if last else query.page or 1,
            per_page=query.per_page,
            total=min(total, DEPTH_MAX),
            next_cursor=cursor,
            exact=total <= DEPTH_MAX,
        ),
    )
