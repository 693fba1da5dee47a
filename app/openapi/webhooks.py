"""OpenAPI operations on webhooks."""

from typing import get_args

from app.api.webhooks import create, rotate
from app.api.webhooks import list as listing
from app.api.webhooks import list_deliveries as deliveries
from app.api.webhooks import test as trial
from app.api.webhooks import update as change_details
from app.api.webhooks.delete import delete_webhook
from app.api.webhooks.get import webhook_detail
from app.api.webhooks.redeliver import retry_delivery
from app.openapi import examples, fields
from app.openapi.operation import Answer, Body, Operation, routed
from app.openapi.shapes.webhooks import (
    DeletedWebhook,
    Delivery,
    Webhook,
    WebhookDetail,
    WebhookWithSecret,
)
from domain.webhooks.decider import OVERLAP_SECONDS_MAX, URL_LENGTH_MAX, WEBHOOKS_MAX
from domain.webhooks.event_names import EVERYTHING, PUBLIC_EVENTS
from domain.webhooks.events import WebhookKind

_TAG = "Webhooks"
_URL = {"description": "Where messages are posted: an https address without credentials.", "maxLength": URL_LENGTH_MAX}
_EVENTS = {
    "description": f'What it is told; `["{EVERYTHING}"]` is for everything.',
    "items": {"type": "string", "enum": [EVERYTHING, *PUBLIC_EVENTS]},
    "minItems": 1,
}
_WEBHOOK = {
    "id": examples.WEBHOOK_ID,
    "kind": "standard",
    "url": "https://example.com/hooks",
    "events": ["api_key.expiring", "api_key.revoked"],
    "description": "For the pager",
    "status": "active",
    "disabled_because": None,
    "created_at": examples.THEN,
    "updated_at": examples.THEN,
    "secret_version": 1,
    "previous_valid_until": None,
    "revision": 1,
}
_SECRET = "whsec_…"  # noqa: S105 -- says what stands there, and is none
_ATTEMPT = {"at": examples.LATER, "status_code": 503, "latency_ms": 41, "error": None, "response": "Not now"}
_DELIVERY = {
    "id": examples.MESSAGE_ID,
    "event_id": examples.EVENT_ID,
    "event": "api_key.revoked",
    "status": "pending",
    "created_at": examples.LATER,
    "next_attempt_at": examples.LATER,
    "finished_at": None,
    "attempts": [_ATTEMPT],
}

OPERATIONS: list[Operation] = [
    routed(
        create.create_webhook,
        tag=_TAG,
        summary="Make a webhook",
        description="Messages are signed after Standard Webhooks with the `secret` of this answer, which is nowhere "
        f"else. An organization can have {WEBHOOKS_MAX} webhooks.",
        body=Body(
            create.Body,
            {
                "url": _URL,
                "events": _EVENTS,
                "description": fields.DESCRIPTION,
                "kind": {
                    "description": "`slack` is for incoming webhooks of Slack and what understands them: they take "
                    "text, and their address is their secret.",
                    "enum": list(get_args(WebhookKind)),
                },
            },
            {"url": "https://example.com/hooks", "events": ["api_key.expiring", "api_key.revoked"]},
        ),
        answer=Answer(WebhookWithSecret, {**_WEBHOOK, "secret": _SECRET}),
        errors=("conflict",),
        revised=True,
        repeatable=True,
    ),
    routed(
        listing.list_webhooks,
        tag=_TAG,
        summary="List webhooks",
        description="Newest first.",
        query=listing.Query,
        answer=Answer(Webhook, _WEBHOOK, paging="pages"),
    ),
    routed(
        webhook_detail,
        tag=_TAG,
        summary="Show a webhook",
        description="With whether anything gets through.",
        answer=Answer(WebhookDetail, {**_WEBHOOK, "failing_since": None, "last_delivered_at": examples.LATER}),
        revised=True,
    ),
    routed(
        change_details.change_webhook,
        tag=_TAG,
        summary="Change a webhook",
        description="What is left out stays as it is. Nothing is sent to a disabled one, and what happens meanwhile is "
        "not kept for it.",
        body=Body(
            change_details.Body,
            {
                "url": _URL,
                "events": _EVENTS,
                "description": fields.DESCRIPTION,
                "status": {"description": "Whether anything is sent to it."},
            },
            {"status": "disabled"},
        ),
        answer=Answer(Webhook, {**_WEBHOOK, "status": "disabled", "disabled_because": "requested", "revision": 2}),
        revised=True,
        conditional=True,
    ),
    routed(
        delete_webhook,
        tag=_TAG,
        summary="Delete a webhook",
        description="Nothing is sent to it from this answer on, but for what is under way.",
        answer=Answer(DeletedWebhook, {"deleted": True, "webhook_id": examples.WEBHOOK_ID}),
        revised=True,
        conditional=True,
    ),
    routed(
        rotate.rotate_webhook_secret,
        tag=_TAG,
        summary="Replace the secret of a webhook",
        description="Until the overlap is over messages have two signatures, one of each secret.",
        body=Body(
            rotate.Body,
            {
                "overlap_seconds": {
                    "description": "How long the secret before signs, too. Without it: a day.",
                    "minimum": 0,
                    "maximum": OVERLAP_SECONDS_MAX,
                }
            },
            {"overlap_seconds": 3600},
        ),
        answer=Answer(
            WebhookWithSecret,
            {
                **_WEBHOOK,
                "secret_version": 2,
                "previous_valid_until": examples.LATER,
                "revision": 2,
                "secret": _SECRET,
            },
        ),
        errors=("conflict",),
        revised=True,
        conditional=True,
        repeatable=True,
    ),
    routed(
        trial.test_webhook,
        tag=_TAG,
        summary="Test a webhook",
        description="Sends a message `webhook.test` now. 200 also when it does not get through: `delivered` says so.",
        answer=Answer(
            trial.WebhookTestResult,
            {
                "message_id": examples.MESSAGE_ID,
                "delivered": True,
                "status_code": 204,
                "latency_ms": 41,
                "error": None,
                "response": "",
            },
        ),
        errors=("conflict",),
        repeatable=True,
    ),
    routed(
        deliveries.webhook_deliveries,
        tag=_TAG,
        summary="List what was sent to a webhook",
        description="Newest first, with every attempt, for 30 days.",
        query=deliveries.Query,
        query_fields={"status": {"description": "Whether it got through, is still tried, or was given up."}},
        answer=Answer(Delivery, _DELIVERY, paging="cursor"),
    ),
    routed(
        retry_delivery,
        tag=_TAG,
        summary="Send a message again",
        description="Under the same `webhook-id`, whatever came of it before.",
        answer=Answer(Delivery, _DELIVERY),
        errors=("conflict",),
        repeatable=True,
    ),
]
