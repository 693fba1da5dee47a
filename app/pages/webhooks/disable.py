"""GET and POST /webhooks/{id}/disable and /enable: stop sending messages to a webhook, and send them again."""

from typing import Literal

from app.api.webhooks.get import WebhookDetail, get_webhook
from app.api.webhooks.schemas import Webhook
from app.api.webhooks.update import update_webhook
from app.pages.forms.confirmation import Action, confirmation_page, perform
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit

Verb = Literal["disable", "enable"]


@Page("GET", "/webhooks/{webhook_id}/disable", access="webhooks:write")
async def webhook_disable_page(visit: Visit, webhook_id: str) -> PageResponse:
    return await confirmation_page(visit, await _action(visit, webhook_id, "disable"))


@Page("POST", "/webhooks/{webhook_id}/disable", access="webhooks:write")
async def webhook_disable_form(visit: Visit, webhook_id: str) -> PageResponse:
    return await _change(visit, webhook_id, "disable")


@Page("GET", "/webhooks/{webhook_id}/enable", access="webhooks:write")
async def webhook_enable_page(visit: Visit, webhook_id: str) -> PageResponse:
    return await confirmation_page(visit, await _action(visit, webhook_id, "enable"))


@Page("POST", "/webhooks/{webhook_id}/enable", access="webhooks:write")
async def webhook_enable_form(visit: Visit, webhook_id: str) -> PageResponse:
    return await _change(visit, webhook_id, "enable")


async def _action(visit: Visit, webhook_id: str, verb: Verb) -> Action:
    webhook = await visit.read(get_webhook, WebhookDetail, webhook_id=webhook_id)
    stops = verb == "disable"
    return Action(
        title="Disable this webhook?" if stops else "Enable this webhook?",
        path=f"/webhooks/{webhook.id}/{verb}",
        crumbs=[("Webhooks", "/webhooks"), (webhook.url, f"/webhooks/{webhook.id}")],
        consequences=[
            f"{webhook.url} receives no more messages. Events that occur until someone enables the webhook are never "
            "sent to it."
            if stops
            else f"{webhook.url} receives messages about events from now on, but not about earlier ones.",
        ],
        button="Disable webhook" if stops else "Enable webhook",
        revision=webhook.revision,
        is_danger=stops,
    )


async def _change(visit: Visit, webhook_id: str, verb: Verb) -> PageResponse:
    body = {"status": "disabled" if verb == "disable" else "active"}
    change = visit.change(update_webhook, Webhook, body, visit.fields.one("revision"), webhook_id=webhook_id)
    refused = await perform(visit, change, lambda: _action(visit, webhook_id, verb), webhook_id)
    return refused or visit.go_to(
        f"/webhooks/{webhook_id}", "webhook_disabled" if verb == "disable" else "webhook_enabled"
    )
