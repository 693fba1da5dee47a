"""GET /v1/alerts: what the organization was warned of, newest first."""

from datetime import datetime
from typing import Annotated

from litestar import get
from msgspec import Meta, Struct, structs

from app.api.alerts.schemas import alert_shape
from app.handlers import HttpRequest, HttpResponse, get_services, parse_query, raw_request, success
from app.http.pagination import (
    PER_PAGE_DEFAULT,
    CursorPosition,
    PageNumber,
    PerPage,
    decode_cursor,
    next_link,
    offset_of,
    pagination,
)
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
    purpose = f"alerts {organization_id} {filters}"
    last = decode_cursor(services.cursors, query.cursor, query.page, purpose)
    after = None if last is None else (datetime.fromisoformat(last.value), last.id)
    async with services.read_transaction(organization_id) as connection:
        total = await count(connection, organization_id, filters, MAX_OFFSET + 1)
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
        cursor = services.cursors.encode(CursorPosition(alert.raised_at.isoformat(), alert.id), purpose=purpose)
    return success(
        [alert_shape(state) for state in shown],
        headers=next_link(raw_request(request), services.config.public_url, structs.asdict(query), cursor),
        pagination=pagination(
            page=None if last else query.page or 1,
            per_page=query.per_page,
            total=min(total, MAX_OFFSET),
            next_cursor=cursor,
            exact=total <= MAX_OFFSET,
        ),
    )
