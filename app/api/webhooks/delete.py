"""DELETE /v1/webhooks/{id}: stop all deliveries to a webhook and delete its secret."""

from litestar import delete

from app.commands.run_command import run_command
from app.handlers import Empty, HttpRequest, HttpResponse, parse_body, parse_query
from domain.webhooks.commands import DeleteWebhook
from domain.webhooks.decider import WEBHOOK
from infrastructure.clock import now


@delete("/v1/webhooks/{webhook_id:str}", access="webhooks:write", status_code=200)
async def delete_webhook(request: HttpRequest, webhook_id: str) -> HttpResponse:
    parse_query(request, Empty)
    parse_body(request, Empty)
    command = DeleteWebhook(at=now())
    return await run_command(
        request,
        WEBHOOK,
        webhook_id,
        command,
        render=lambda _: {"deleted": True, "webhook_id": webhook_id},
    )
