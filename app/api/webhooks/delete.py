"""DELETE /v1/webhooks/{id}: stop all deliveries to a webhook and delete its secret."""

from msgspec import Struct

from app.api import examples
from app.api.schemas import WebhookId
from app.commands.run_command import run_command
from app.handlers import HttpRequest, Success
from app.route import Route
from domain.webhooks.commands import DeleteWebhook
from domain.webhooks.decider import WEBHOOK
from infrastructure.clock import now


class DeletedWebhook(Struct, frozen=True):
    """The remains of a deleted webhook."""

    deleted: bool
    webhook_id: WebhookId


@Route(
    "DELETE",
    "/v1/webhooks/{webhook_id}",
    access="webhooks:write",
    tag="Webhooks",
    summary="Delete a webhook",
    description="Once this response is sent, no messages are sent except those in progress.",
    example=DeletedWebhook(deleted=True, webhook_id=examples.WEBHOOK_ID),
    has_revision=True,
    if_match=True,
)
async def delete_webhook(request: HttpRequest, webhook_id: str) -> Success[DeletedWebhook]:
    command = DeleteWebhook(at=now())
    return await run_command(
        request,
        WEBHOOK,
        webhook_id,
        command,
        render=lambda _: DeletedWebhook(deleted=True, webhook_id=webhook_id),
    )
