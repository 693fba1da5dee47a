"""DELETE /v1/webhooks/{id}: nothing is sent to it from now on; its secret is removed."""

from litestar import delete

from app.changes import change
from app.requests import HttpRequest, HttpResponse, NoParameters, body_of, query_of
from domain.webhooks.commands import DeleteWebhook
from domain.webhooks.decider import WEBHOOK
from eventstore.clock import now
from eventstore.execute import no_guard


@delete("/v1/webhooks/{webhook_id:str}", grant="webhooks:write", status_code=200)
async def delete_webhook(request: HttpRequest, webhook_id: str) -> HttpResponse:
    query_of(request, NoParameters)
    body_of(request, NoParameters)
    command = DeleteWebhook(at=now())
    return await change(
        request,
        WEBHOOK,
        webhook_id,
        command=lambda _: command,
        guard=no_guard(),
        shown=lambda _: {"deleted": True, "webhook_id": webhook_id},
    )
