"""GET /v1/webhooks/{id}/deliveries: list the deliveries of the last 30 days with every attempt, newest first."""

from typing import Annotated

from msgspec import Meta, Struct

from app.api.webhooks.schemas import DELIVERY_EXAMPLE, Delivery, to_delivery
from app.handlers import HttpRequest, ListResponse, get_services
from app.http.pagination import PER_PAGE_DEFAULT, Cursor, PerPage
from app.pagination import Page
from app.route import Route
from domain.webhooks.errors import WebhookNotFound
from projections.outboxes.webhooks.queries import DeliveryStatus, attempts_of, deliveries
from projections.read_models.webhooks.list.queries import webhook_of


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    status: (
        Annotated[
            DeliveryStatus,
            Meta(description="Whether the message was delivered, is still being tried, or was given up."),
        ]
        | None
    ) = None
    cursor: Cursor | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


@Route(
    "GET",
    "/v1/webhooks/{webhook_id}/deliveries",
    access="webhooks:read",
    tag="Webhooks",
    summary="List deliveries",
    description="Newest first, with every attempt, for 30 days.",
    example=DELIVERY_EXAMPLE,
)
async def list_deliveries(request: HttpRequest, webhook_id: str, query: Query) -> ListResponse[Delivery]:
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
        lambda delivery: to_delivery(delivery, attempts[delivery.delivery_id]),
        lambda delivery: (delivery.created_at, delivery.delivery_id),
    )
