"""GET /v1/webhooks/{id}: return one webhook and the state of its deliveries."""

from typing import Annotated

from msgspec import Meta, structs

from app.api import examples
from app.api.schemas import Time
from app.api.webhooks.schemas import WEBHOOK_EXAMPLE, Webhook, to_webhook
from app.handlers import HttpRequest, Success, get_services, success
from app.route import Route
from domain.webhooks.errors import WebhookNotFound
from projections.outboxes.webhooks.queries import health_of
from projections.read_models.webhooks.list.queries import webhook_of


class WebhookDetail(Webhook, frozen=True):
    """A webhook with the state of its deliveries."""

    failing_since: Annotated[
        Time | None,
        Meta(description="The first failure since the last successful delivery; null: the last message was delivered."),
    ]
    last_delivered_at: Time | None


@Route(
    "GET",
    "/v1/webhooks/{webhook_id}",
    access="webhooks:read",
    tag="Webhooks",
    summary="Get a webhook",
    description="The response includes the state of its deliveries.",
    example=WebhookDetail(**structs.asdict(WEBHOOK_EXAMPLE), failing_since=None, last_delivered_at=examples.LATER),
    has_revision=True,
)
async def get_webhook(request: HttpRequest, webhook_id: str) -> Success[WebhookDetail]:
    organization_id = request.auth.organization_id
    async with get_services(request).read_transaction(organization_id) as connection:
        found = await webhook_of(connection, webhook_id, organization_id)
        if found is None:
            raise WebhookNotFound
        health = await health_of(connection, webhook_id)
    detail = WebhookDetail(
        **structs.asdict(to_webhook(found)), failing_since=health.failing_since, last_delivered_at=health.delivered_at
    )
    return success(detail, revision=found.revision)
