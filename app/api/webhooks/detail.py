"""GET /v1/webhooks/{id}: one webhook, and whether anything gets through to it."""

from litestar import get

from app.api.webhooks.shape import webhook_detail_shape
from app.requests import HttpRequest, HttpResponse, NoParameters, query_of, services_of, success
from domain.webhooks.errors import WebhookNotFound
from projections.webhook_list.queries import webhook_of
from projections.webhook_outbox.queries import standing_of


@get("/v1/webhooks/{webhook_id:str}", grant="webhooks:read")
async def webhook_detail(request: HttpRequest, webhook_id: str) -> HttpResponse:
    query_of(request, NoParameters)
    organization_id = request.auth.organization_id
    async with services_of(request).reading(organization_id) as connection:
        found = await webhook_of(connection, webhook_id, organization_id)
        if found is None:
            raise WebhookNotFound
        standing = await standing_of(connection, webhook_id)
    headers = {"ETag": f'"{found.revision}"', "X-Revision": str(found.revision)}
    return success(webhook_detail_shape(found, standing), headers=headers)
