"""GET /v1/webhooks/{id}: return one webhook and the state of its deliveries."""

from litestar import get

from app.api.webhooks.schemas import webhook_detail_shape
from app.handlers import Empty, HttpRequest, HttpResponse, get_services, parse_query, success
from domain.webhooks.errors import WebhookNotFound
from projections.outboxes.webhooks.queries import health_of
from projections.read_models.webhooks.list.queries import webhook_of


@get("/v1/webhooks/{webhook_id:str}", access="webhooks:read")
async def webhook_detail(request: HttpRequest, webhook_id: str) -> HttpResponse:
    parse_query(request, Empty)
    organization_id = request.auth.organization_id
    async with get_services(request).read_transaction(organization_id) as connection:
        found = await webhook_of(connection, webhook_id, organization_id)
        if found is None:
            raise WebhookNotFound
        health = await health_of(connection, webhook_id)
    headers = {"ETag": f'"{found.revision}"', "X-Revision": str(found.revision)}
    return success(webhook_detail_shape(found, health), headers=headers)
