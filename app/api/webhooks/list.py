"""GET /v1/webhooks: the webhooks of the organization, newest first."""

from datetime import datetime

from litestar import get
from msgspec import Struct, structs

from app.api.webhooks.schemas import webhook_shape
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
from projections.read_models.webhooks.list.queries import count, webhooks


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    page: PageNumber | None = None
    cursor: str | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


@get("/v1/webhooks", grant="webhooks:read")
async def list_webhooks(request: HttpRequest) -> HttpResponse:
    query = parse_query(request, Query)
    services = get_services(request)
    organization_id = request.auth.organization_id
    purpose = f"webhooks {organization_id}"
    last = decode_cursor(services.cursors, query.cursor, query.page, purpose)
    after = None if last is None else (datetime.fromisoformat(last.value), last.id)
    async with services.read_transaction(organization_id) as connection:
        total = await count(connection, organization_id)
        found = await webhooks(
            connection,
            organization_id,
            limit=query.per_page + 1,
            after=after,
            offset=offset_of(query.page, query.per_page, total),
        )
    shown = found[: query.per_page]
    cursor = None
    if len(found) > query.per_page:
        cursor = services.cursors.encode(
            CursorPosition(shown[-1].created_at.isoformat(), shown[-1].webhook_id), purpose=purpose
        )
    return success(
        [webhook_shape(webhook) for webhook in shown],
        headers=next_link(raw_request(request), services.config.public_url, structs.asdict(query), cursor),
        pagination=pagination(
            page=None if last else query.page or 1, per_page=query.per_page, total=total, next_cursor=cursor
        ),
    )
