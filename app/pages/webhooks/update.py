"""GET and POST /webhooks/{id}/edit: change the address, the events and the description of a webhook."""

from app.api.webhooks.get import WebhookDetail, get_webhook
from app.api.webhooks.schemas import Webhook
from app.api.webhooks.update import update_webhook
from app.pages.fields import Fields
from app.pages.forms.refusals import ACCEPTED, Refusal, refusal_of
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from app.pages.webhooks.webhook_form import LABELS, to_fields, to_request
from domain.webhooks.event_names import PUBLIC_EVENTS


@Page("GET", "/webhooks/{webhook_id}/edit", access="webhooks:write")
async def webhook_edit_page(visit: Visit, webhook_id: str) -> PageResponse:
    webhook = await visit.read(get_webhook, WebhookDetail, webhook_id=webhook_id)
    return await _form_page(visit, webhook, to_fields(webhook))


@Page("POST", "/webhooks/{webhook_id}/edit", access="webhooks:write")
async def webhook_edit_form(visit: Visit, webhook_id: str) -> PageResponse:
    fields = visit.fields
    webhook = await visit.read(get_webhook, WebhookDetail, webhook_id=webhook_id)
    try:
        body = to_request(fields, webhook)
        await visit.change(update_webhook, Webhook, body, fields.one("revision"), webhook_id=webhook_id)
    except Exception as error:  # noqa: BLE001 -- raised again unless the form can explain it
        return await _form_page(visit, webhook, fields, await refusal_of(visit, error, LABELS, webhook_id))
    return visit.go_to(f"/webhooks/{webhook.id}", "webhook_changed")


async def _form_page(visit: Visit, webhook: WebhookDetail, fields: Fields, refusal: Refusal = ACCEPTED) -> PageResponse:
    return await visit.page(
        "webhooks/form.html",
        status=refusal.status,
        webhook=webhook,
        fields=fields,
        events=PUBLIC_EVENTS,
        labels=LABELS,
        refusal=refusal,
        idempotency_key="",
        revision=fields.one("revision") if refusal.errors or refusal.notice else webhook.revision,
    )
