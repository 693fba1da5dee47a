"""POST /v1/webhooks/{id}/deliveries/{delivery_id}/retry: send a message again under the same id.

The status of the delivery does not matter.
"""

import msgspec
from litestar import post

from app.api.webhooks.schemas import delivery_shape
from app.commands.side_write import run_side_write
from app.handlers import Empty, HttpRequest, HttpResponse, parse_body, parse_query
from domain.webhooks.errors import DeliveryNotFound, WebhookIsDisabled, WebhookNotFound
from infrastructure.clock import now
from infrastructure.database.connections import Connection
from projections.outboxes.webhooks.queries import SQL, attempts_of, delivery_of
from projections.read_models.webhooks.list.queries import webhook_of


@post("/v1/webhooks/{webhook_id:str}/deliveries/{delivery_id:str}/retry", access="webhooks:write", status_code=200)
async def retry_delivery(request: HttpRequest, webhook_id: str, delivery_id: str) -> HttpResponse:
    parse_query(request, Empty)
    parse_body(request, Empty)
    organization_id = request.auth.organization_id

    async def put_back(connection: Connection) -> bytes:
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
        return msgspec.json.encode({"success": True, "data": delivery_shape(again, attempts[delivery_id])})

    return await run_side_write(request, put_back)
