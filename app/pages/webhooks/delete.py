"""GET and POST /webhooks/{id}/delete: delete a webhook and its signing secret."""

from app.api.webhooks.delete import DeletedWebhook, delete_webhook
from app.api.webhooks.get import WebhookDetail, get_webhook
from app.pages.forms.confirmation import Action, confirmation_page, perform
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit


@Page("GET", "/webhooks/{webhook_id}/delete", access="webhooks:write")
async def webhook_delete_page(visit: Visit, webhook_id: str) -> PageResponse:
    return await confirmation_page(visit, await _action(visit, webhook_id))


@Page("POST", "/webhooks/{webhook_id}/delete", access="webhooks:write")
async def webhook_delete_form(visit: Visit, webhook_id: str) -> PageResponse:
    revision = visit.fields.one("revision")
    change = visit.change(delete_webhook, DeletedWebhook, revision=revision, webhook_id=webhook_id)
    refused = await perform(visit, change, lambda: _action(visit, webhook_id), webhook_id)
    return refused or visit.go_to("/webhooks", "webhook_deleted", has_removed=True)


async def _action(visit: Visit, webhook_id: str) -> Action:
    webhook = await visit.read(get_webhook, WebhookDetail, webhook_id=webhook_id)
    return Action(
        title="Delete this webhook?",
        path=f"/webhooks/{webhook.id}/delete",
        crumbs=[("Webhooks", "/webhooks"), (webhook.url, f"/webhooks/{webhook.id}")],
        consequences=[
            f"{webhook.url} receives no more messages, and its signing secret is erased.",
            "Messages that are still being tried are given up. To receive messages there again, create a new webhook.",
        ],
        button="Delete webhook",
        revision=webhook.revision,
        is_danger=True,
    )
