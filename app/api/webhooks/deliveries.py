"""GET /v1/webhooks/{id}/deliveries: what was sent and what came of every attempt, newest first, for 30 days."""

from datetime import datetime

from litestar import get
from msgspec import Struct, structs

from app.api.paging import PER_PAGE_DEFAULT, PerPage, Position, link_next, opened, pagination
from app.api.webhooks.shape import delivery_shape
from app.requests import HttpRequest, HttpResponse, inbound_of, query_of, services_of, success
from domain.webhooks.errors import WebhookNotFound
from projections.webhook_list.queries import webhook_of
from projections.webhook_outbox.queries import DeliveryStatus, attempts_of, deliveries


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    status: DeliveryStatus | None = None
    cursor: str | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


@get("/v1/webhooks/{webhook_id:str}/deliveries", grant="webhooks:read")
async def webhook_deliveries(request: HttpRequest, webhook_id: str) -> HttpResponse:
    query = query_of(request, Query)
    services = services_of(request)
    organization_id = request.auth.organization_id
    purpose = f"deliveries {organization_id} {webhook_id} {query.status}"
    last = opened(services.cursors, query.cursor, None, purpose)
    after = None if last is None else (datetime.fromisoformat(last.value), last.id)
    async with services.reading(organization_id) as connection:
        if await webhook_of(connection, webhook_id, organization_id) is None:
            raise WebhookNotFound
        found = await deliveries(connection, webhook_id, query.status, after, query.per_page + 1)
        shown = found[: query.per_page]
        attempts = await attempts_of(connection, [delivery.delivery_id for delivery in shown])
    cursor = None
    if len(found) > query.per_page:
        position = Position(shown[-1].created_at.isoformat(), shown[-1].delivery_id)
        cursor = services.cursors.encode(position, purpose=purpose)
    return success(
        [delivery_shape(delivery, attempts[delivery.delivery_id]) for delivery in shown],
        headers=link_next(inbound_of(request), services.config.public_url, structs.asdict(query), cursor),
        pagination=pagination(page=None, per_page=query.per_page, total=None, next_cursor=cursor),
    )
