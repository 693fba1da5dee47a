"""POST /v1/webhooks/{id}/deliveries/{delivery_id}/retry: send it once more, under the same id, whatever came of it."""

import msgspec
from litestar import post

from app.api.webhooks.shape import delivery_shape
from app.requests import HttpRequest, HttpResponse, NoParameters, body_of, query_of
from app.unlogged import change_unlogged
from domain.webhooks.errors import DeliveryNotFound, WebhookDisabledNow, WebhookNotFound
from eventstore.clock import now
from eventstore.database import Connection
from projections.webhook_list.queries import webhook_of
from projections.webhook_outbox.queries import SQL, attempts_of, delivery_of


@post("/v1/webhooks/{webhook_id:str}/deliveries/{delivery_id:str}/retry", grant="webhooks:write", status_code=200)
async def retry_delivery(request: HttpRequest, webhook_id: str, delivery_id: str) -> HttpResponse:
    query_of(request, NoParameters)
    body_of(request, NoParameters)
    organization_id = request.auth.organization_id

    async def put_back(connection: Connection) -> bytes:
        webhook = await webhook_of(connection, webhook_id, organization_id)
        if webhook is None:
            raise WebhookNotFound
        found = await delivery_of(connection, delivery_id, webhook_id)
        if found is None:
            raise DeliveryNotFound
        if webhook.status == "disabled":
            raise WebhookDisabledNow
        at = now()
        await connection.execute(SQL.delivery_retry, (at, delivery_id))
        await connection.execute(SQL.standing_release, (webhook_id,))
        attempts = await attempts_of(connection, [delivery_id])
        again = found._replace(status="pending", due_at=at, finished_at=None)
        return msgspec.json.encode({"success": True, "data": delivery_shape(again, attempts[delivery_id])})

    return await change_unlogged(request, put_back)
