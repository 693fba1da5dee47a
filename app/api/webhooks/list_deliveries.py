"""GET /v1/webhooks/{id}/deliveries: what was sent and what came of every attempt, newest first, for 30 days."""

from datetime import datetime

from litestar import get
from msgspec import Struct, structs

from app.api.webhooks.schemas import delivery_shape
from app.handlers import HttpRequest, HttpResponse, get_services, parse_query, raw_request, success
from app.http.pagination import PER_PAGE_DEFAULT, CursorPosition, PerPage, decode_cursor, next_link, pagination
from domain.webhooks.errors import WebhookNotFound
from projections.outboxes.webhooks.queries import DeliveryStatus, attempts_of, deliveries
from projections.read_models.webhooks.list.queries import webhook_of


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    status: DeliveryStatus | None = None
    cursor: str | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


@get("/v1/webhooks/{webhook_id:str}/deliveries", grant="webhooks:read")
async def webhook_deliveries(request: HttpRequest, webhook_id: str) -> HttpResponse:
    query = parse_query(request, Query)
    services = get_services(request)
    organization_id = request.auth.organization_id
    purpose = f"deliveries {organization_id} {webhook_id} {query.status}"
    last = decode_cursor(services.cursors, query.cursor, None, purpose)
    after = None if last is None else (datetime.fromisoformat(last.value), last.id)
    async with services.read_transaction(organization_id) as connection:
        if await webhook_of(connection, webhook_id, organization_id) is None:
            raise WebhookNotFound
        found = await deliveries(connection, webhook_id, query.status, after, query.per_page + 1)
        shown = found[: query.per_page]
        attempts = await attempts_of(connection, [delivery.delivery_id for delivery in shown])
    cursor = None
    if len(found) > query.per_page:
        position = CursorPosition(shown[-1].created_at.isoformat(), shown[-1].delivery_id)
        cursor = services.cursors.encode(position, purpose=purpose)
    return success(
        [delivery_shape(delivery, attempts[delivery.delivery_id]) for delivery in shown],
        headers=next_link(raw_request(request), services.config.public_url, structs.asdict(query), cursor),
        pagination=pagination(page=None, per_page=query.per_page, total=None, next_cursor=cursor),
    )
