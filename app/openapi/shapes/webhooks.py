"""Response shapes of webhooks, which `app/api/webhooks/schemas.py` creates."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from app.api.schemas import Count, EventId, Revision, Time, WebhookId
from domain.webhooks.events import DisabledBecause, WebhookKind
from projections.outboxes.webhooks.queries import DeliveryStatus

MessageId = Annotated[
    str, Meta(pattern="^msg_[0-7][0-9a-hjkmnp-tv-z]{25}$", description="The `webhook-id` of every attempt.")
]


class Webhook(Struct):
    """A URL that receives events. Its secret is returned once, when it is created."""

    id: WebhookId
    kind: WebhookKind
    url: Annotated[str, Meta(description="The URL. If the URL itself is the secret, only its start.")]
    events: list[str]
    description: str
    status: Literal["active", "disabled"]
    disabled_because: Annotated[
        DisabledBecause | None,
        Meta(description="`gone`: the endpoint responded 410. `failing`: no message was delivered for days."),
    ]
    created_at: Time
    updated_at: Time
    secret_version: Annotated[int, Meta(ge=1)]
    previous_valid_until: Annotated[
        Time | None, Meta(description="Until this time, messages are also signed with the previous secret.")
    ]
    revision: Revision


class WebhookDetail(Webhook):
    """A webhook with the state of its deliveries."""

    failing_since: Annotated[
        Time | None,
        Meta(description="The first failure since the last successful delivery; null: the last message was delivered."),
    ]
    last_delivered_at: Time | None


class WebhookWithSecret(Webhook):
    """The only response with the secret. It is null in a replayed response, and if the URL itself is the secret."""

    secret: Annotated[str | None, Meta(description="The secret to verify signatures with (Standard Webhooks).")]


class DeletedWebhook(Struct):
    """The remains of a deleted webhook."""

    deleted: bool
    webhook_id: WebhookId


class Attempt(Struct):
    """The result of one attempt."""

    at: Time
    status_code: int | None
    latency_ms: Count
    error: Annotated[str | None, Meta(description="The reason for a missing response.")]
    response: Annotated[str, Meta(description="The start of the response body.")]


class Delivery(Struct):
    """One message to one webhook."""

    id: MessageId
    event_id: EventId
    event: str
    status: DeliveryStatus
    created_at: Time
    next_attempt_at: Time | None
    finished_at: Time | None
    attempts: list[Attempt]
