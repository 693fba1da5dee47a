"""GET and POST /webhooks/new: create a webhook. The response to the form shows the signing secret, once.

The secret is only in that response: no address, cookie or redirect contains it. The form has an idempotency key, so a
reload repeats the response without the secret and creates no second webhook.
"""

from secrets import token_urlsafe

from app.api.webhooks.create import create_webhook
from app.api.webhooks.schemas import WebhookWithSecret
from app.pages.fields import Fields
from app.pages.forms.refusals import ACCEPTED, Refusal, refusal_of
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from app.pages.webhooks.webhook_form import DEFAULTS, LABELS, to_request
from domain.webhooks.event_names import PUBLIC_EVENTS


@Page("GET", "/webhooks/new", access="webhooks:write")
async def webhook_create_page(visit: Visit) -> PageResponse:
    return await _form_page(visit, DEFAULTS)


@Page("POST", "/webhooks/new", access="webhooks:write")
async def webhook_create_form(visit: Visit) -> PageResponse:
    fields = visit.fields
    try:
        created = await visit.change(
            create_webhook, WebhookWithSecret, to_request(fields), idempotency_key=fields.one("idempotency_key")
        )
    except Exception as error:  # noqa: BLE001 -- raised again unless the form can explain it
        return await _form_page(visit, fields, await refusal_of(visit, error, LABELS))
    if created.data.kind == "slack":
        return visit.go_to(f"/webhooks/{created.data.id}", "webhook_created")
    return await secret_page(visit, created.data)


async def secret_page(visit: Visit, webhook: WebhookWithSecret) -> PageResponse:
    """Return the only page with the signing secret, or after a reload the page that says where it went."""
    return await visit.page(f"webhooks/secret{'' if webhook.secret else '_before'}.html", webhook=webhook)


async def _form_page(visit: Visit, fields: Fields, refusal: Refusal = ACCEPTED) -> PageResponse:
    return await visit.page(
        "webhooks/form.html",
        status=refusal.status,
        webhook=None,
        fields=fields,
        events=PUBLIC_EVENTS,
        labels=LABELS,
        refusal=refusal,
        idempotency_key=token_urlsafe(),
        revision="",
    )
