"""POST /v1/webhooks/{id}/deliveries/{delivery_id}/retry: send a message again under the same id.

The status of the delivery does not matter.
"""

from app.api.webhooks.schemas import DELIVERY_EXAMPLE, Delivery, to_delivery
from app.commands.side_write import run_side_write
from app.handlers import HttpRequest, Success
from app.route import Route
from domain.webhooks.errors import DeliveryNotFound, WebhookIsDisabled, WebhookNotFound
from infrastructure.clock import now
from infrastructure.database.connections import Connection
from projections.outboxes.webhooks.queries import SQL, attempts_of, delivery_of
from projections.read_models.webhooks.list.queries import webhook_of


@Route(
    "POST",
    "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/retry",
    access="webhooks:write",
    tag="Webhooks",
    summary="Retry a delivery",
    description="Send the message again under the same `webhook-id`, whatever its status.",
    example=DELIVERY_EXAMPLE,
    errors=("conflict",),
    idempotent=True,
)
async def retry_delivery(request: HttpRequest, webhook_id: str, delivery_id: str) -> Success[Delivery]:
    organization_id = request.auth.organization_id

    async def put_back(connection: Connection) -> Delivery:
        webhook = await webhook_of(connection, webhook_id, organization_id)
        if webhook is None:
            raise WebhookNotFound
        found = await delivery_of(connection, delivery_id, webhook_id)
        if found is None:
            raise DeliveryNotFound
        if webhook.status == "disabled":
            raise WebhookIsDisabled
        at = now()
        await connection.execute(SQL.delivery_retry, (at, delivery_id))
        await connection.execute(SQL.endpoint_release, (webhook_id,))
        attempts = await attempts_of(connection, [delivery_id])
        again = found._replace(status="pending", due_at=at, finished_at=None)
        return to_delivery(again, attempts[delivery_id])

    return await run_side_write(request, put_back)
