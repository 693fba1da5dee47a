"""Webhooks and their deliveries in responses."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct, structs

from app.api import examples
from app.api.schemas import Count, EventId, Revision, Time, WebhookId, id_pattern
from domain.decider import ImpossibleHistory
from domain.webhooks.decider import URL_LENGTH_MAX
from domain.webhooks.event_names import EVERYTHING, PUBLIC_EVENTS
from domain.webhooks.events import DisabledBecause, WebhookEvent, WebhookKind
from domain.webhooks.state import Registered, WebhookState
from eventstore.execute import Change
from projections.outboxes.webhooks import queries as outbox
from projections.read_models.webhooks.list.queries import WebhookRow, row_of

WebhookStatus = Literal["active", "disabled"]

WebhookUrl = Annotated[
    str,
    Meta(
        description="The URL that receives the messages: https, without credentials.",
        extra_json_schema={"maxLength": URL_LENGTH_MAX},
    ),
]
SubscribedEvents = Annotated[
    tuple[Annotated[str, Meta(extra_json_schema={"enum": [EVERYTHING, *PUBLIC_EVENTS]})], ...],
    Meta(
        description=f'The event types to send; `["{EVERYTHING}"]` selects all.',
        extra_json_schema={"minItems": 1},
    ),
]
MessageId = Annotated[str, Meta(pattern=id_pattern("msg"), description="The `webhook-id` of every attempt.")]


class Webhook(Struct, frozen=True):
    """A URL that receives events. Its secret is returned once, when it is created."""

    id: WebhookId
    kind: WebhookKind
    url: Annotated[str, Meta(description="The URL. If the URL itself is the secret, only its start.")]
    events: list[str]
    description: str
    status: WebhookStatus
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


class WebhookWithSecret(Webhook, frozen=True):
    """The only response with the secret. It is null in a replayed response, and if the URL itself is the secret."""

    secret: Annotated[
        str | None,
        Meta(
            description="The secret to verify signatures with (Standard Webhooks).",
            extra_json_schema={"format": "password"},
        ),
    ]


class Attempt(Struct, frozen=True):
    """The result of one attempt."""

    at: Time
    status_code: int | None
    latency_ms: Count
    error: Annotated[str | None, Meta(description="The reason for a missing response.")]
    response: Annotated[str, Meta(description="The start of the response body.")]


class Delivery(Struct, frozen=True):
    """One message to one webhook."""

    id: MessageId
    event_id: EventId
    event: str
    status: outbox.DeliveryStatus
    created_at: Time
    next_attempt_at: Time | None
    finished_at: Time | None
    attempts: list[Attempt]


WEBHOOK_EXAMPLE = Webhook(
    id=examples.WEBHOOK_ID,
    kind="standard",
    url="https://example.com/hooks",
    events=["api_key.expiring", "api_key.revoked"],
    description="For the pager",
    status="active",
    disabled_because=None,
    created_at=examples.THEN,
    updated_at=examples.THEN,
    secret_version=1,
    previous_valid_until=None,
    revision=1,
)
SECRET_EXAMPLE = "whsec_…"  # noqa: S105 -- a placeholder, not a secret
DELIVERY_EXAMPLE = Delivery(
    id=examples.MESSAGE_ID,
    event_id=examples.EVENT_ID,
    event="api_key.revoked",
    status="pending",
    created_at=examples.LATER,
    next_attempt_at=examples.LATER,
    finished_at=None,
    attempts=[Attempt(at=examples.LATER, status_code=503, latency_ms=41, error=None, response="Not now")],
)


def to_webhook(webhook: WebhookRow) -> Webhook:
    return Webhook(
        id=webhook.webhook_id,
        kind=webhook.kind,
        url=webhook.url,
        events=webhook.events,
        description=webhook.description,
        status=webhook.status,
        disabled_because=webhook.because,
        created_at=webhook.created_at,
        updated_at=webhook.updated_at,
        secret_version=webhook.secret_version,
        previous_valid_until=webhook.previous_valid_until,
        revision=webhook.revision,
    )


def changed_webhook(change: Change[WebhookState, WebhookEvent]) -> Webhook:
    """Return a webhook after a change."""
    if not isinstance(change.after, Registered):
        raise ImpossibleHistory(change)
    return to_webhook(row_of(change.after))


def with_secret(webhook: Webhook, secret: str | None) -> WebhookWithSecret:
    return WebhookWithSecret(**structs.asdict(webhook), secret=secret)


def to_delivery(delivery: outbox.Delivery, attempts: Sequence[outbox.Attempt]) -> Delivery:
    return Delivery(
        id=delivery.delivery_id,
        event_id=delivery.event_id,
        event=delivery.event,
        status=delivery.status,
        created_at=delivery.created_at,
        next_attempt_at=delivery.due_at if delivery.status == "pending" else None,
        finished_at=delivery.finished_at,
        attempts=[Attempt(*attempt) for attempt in attempts],
    )
