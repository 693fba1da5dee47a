"""GET /v1/webhooks/{id}/deliveries: list the deliveries of the last 30 days with every attempt, newest first."""

from litestar import get
from msgspec import Struct

from app.api.webhooks.schemas import delivery_shape
from app.handlers import HttpRequest, HttpResponse, get_services, parse_query
from app.http.pagination import PER_PAGE_DEFAULT, PerPage
from app.pagination import Page
from domain.webhooks.errors import WebhookNotFound
from projections.outboxes.webhooks.queries import DeliveryStatus, attempts_of, deliveries
from projections.read_models.webhooks.list.queries import webhook_of


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    status: DeliveryStatus | None = None
    cursor: str | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


@get("/v1/webhooks/{webhook_id:str}/deliveries", access="webhooks:read")
async def webhook_deliveries(request: HttpRequest, webhook_id: str) -> HttpResponse:
    query = parse_query(request, Query)
    services = get_services(request)
    organization_id = request.auth.organization_id
    page = Page(request, query, f"deliveries {organization_id} {webhook_id} {query.status}")
    async with services.read_transaction(organization_id) as connection:
        if await webhook_of(connection, webhook_id, organization_id) is None:
            raise WebhookNotFound
        found = await deliveries(connection, webhook_id, query.status, page.after, page.limit)
        attempts = await attempts_of(connection, [delivery.delivery_id for delivery in page.rows(found)])
    return page.respond(
        found,
        lambda delivery: delivery_shape(delivery, attempts[delivery.delivery_id]),
        lambda delivery: (delivery.created_at, delivery.delivery_id),
    )
