"""GET and POST /webhooks/{id}/rotate: create a new signing secret, which the response shows once."""

from secrets import token_urlsafe

from app.api.webhooks.get import WebhookDetail, get_webhook
from app.api.webhooks.rotate import rotate_webhook
from app.api.webhooks.schemas import WebhookWithSecret
from app.http.errors import Problem
from app.pages.forms.refusals import ACCEPTED, Refusal, refusal_of
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from app.pages.webhooks.create import secret_page

OVERLAPS = (
    ("0", "Not at all", "Messages are signed with the new secret only. Choose this if the old one leaked."),
    ("3600", "1 hour", ""),
    ("86400", "1 day", ""),
    ("604800", "7 days", ""),
)
"""The seconds for which the previous secret also signs, each with its text and a note."""

_DEFAULT = "86400"


@Page("GET", "/webhooks/{webhook_id}/rotate", access="webhooks:write")
async def webhook_rotate_page(visit: Visit, webhook_id: str) -> PageResponse:
    return await _form_page(visit, webhook_id, _DEFAULT)


@Page("POST", "/webhooks/{webhook_id}/rotate", access="webhooks:write")
async def webhook_rotate_form(visit: Visit, webhook_id: str) -> PageResponse:
    fields = visit.fields
    overlap = fields.one("overlap_seconds")
    if overlap not in {seconds for seconds, _, __ in OVERLAPS}:
        refused = Refusal({"overlap_seconds": "Choose how long the previous secret also signs."}, "", 422)
        return await _form_page(visit, webhook_id, overlap, refused)
    try:
        rotated = await visit.change(
            rotate_webhook,
            WebhookWithSecret,
            {"overlap_seconds": int(overlap)},
            fields.one("revision"),
            fields.one("idempotency_key"),
            webhook_id=webhook_id,
        )
    except Exception as error:  # noqa: BLE001 -- raised again unless the form can explain it
        refused = await refusal_of(visit, error, ("overlap_seconds",), webhook_id)
        return await _form_page(visit, webhook_id, overlap, refused)
    return await secret_page(visit, rotated.data)


async def _form_page(visit: Visit, webhook_id: str, overlap: str, refusal: Refusal = ACCEPTED) -> PageResponse:
    webhook = await visit.read(get_webhook, WebhookDetail, webhook_id=webhook_id)
    if webhook.kind == "slack":
        raise Problem("conflict", "The URL of this webhook is its secret. To replace it, edit the webhook.")
    return await visit.page(
        "webhooks/rotate.html",
        status=refusal.status,
        webhook=webhook,
        overlaps=OVERLAPS,
        overlap=overlap,
        refusal=refusal,
        idempotency_key=token_urlsafe(),
    )
