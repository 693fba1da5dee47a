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
_URL = {"description": "The URL that receives the messages: https, without credentials.", "maxLength": URL_LENGTH_MAX}
_EVENTS = {
    "description": f'The event types to send; `["{EVERYTHING}"]` selects all.',
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
_SECRET = "whsec_…"  # noqa: S105 -- a placeholder, not a secret
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
        summary="Create a webhook",
        description="Messages are signed according to Standard Webhooks with the `secret` in this response, which "
        f"is never returned again. An organization can have {WEBHOOKS_MAX} webhooks.",
        body=Body(
            create.Body,
            {
                "url": _URL,
                "events": _EVENTS,
                "description": fields.DESCRIPTION,
                "kind": {
                    "description": "`slack` is for incoming webhooks of Slack and compatible services. They accept "
                    "text, and their URL is the secret.",
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
        summary="Get a webhook",
        description="The response includes the state of its deliveries.",
        answer=Answer(WebhookDetail, {**_WEBHOOK, "failing_since": None, "last_delivered_at": examples.LATER}),
        revised=True,
    ),
    routed(
        change_details.change_webhook,
        tag=_TAG,
        summary="Update a webhook",
        description="Omitted fields stay unchanged. A disabled webhook receives nothing, and events that occur in "
        "the meantime are not stored for it.",
        body=Body(
            change_details.Body,
            {
                "url": _URL,
                "events": _EVENTS,
                "description": fields.DESCRIPTION,
                "status": {"description": "Whether messages are sent to the webhook."},
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
        description="Once this response is sent, no messages are sent except those in progress.",
        answer=Answer(DeletedWebhook, {"deleted": True, "webhook_id": examples.WEBHOOK_ID}),
        revised=True,
        conditional=True,
    ),
    routed(
        rotate.rotate_webhook_secret,
        tag=_TAG,
        summary="Rotate the secret of a webhook",
        description="Until the overlap ends, messages have two signatures, one with each secret.",
        body=Body(
            rotate.Body,
            {
                "overlap_seconds": {
                    "description": "How long the previous secret also signs. Default: a day.",
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
        description="Send a `webhook.test` message now. The status is 200 even if the delivery fails: `delivered` "
        "is then false.",
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
        summary="List deliveries",
        description="Newest first, with every attempt, for 30 days.",
        query=deliveries.Query,
        query_fields={
            "status": {"description": "Whether the message was delivered, is still being tried, or was given up."}
        },
        answer=Answer(Delivery, _DELIVERY, paging="cursor"),
    ),
    routed(
        retry_delivery,
        tag=_TAG,
        summary="Retry a delivery",
        description="Send the message again under the same `webhook-id`, whatever its status.",
        answer=Answer(Delivery, _DELIVERY),
        errors=("conflict",),
        repeatable=True,
    ),
]
