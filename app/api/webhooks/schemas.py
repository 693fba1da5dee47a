"""JSON form of webhooks and their deliveries. It never contains a secret."""

from collections.abc import Sequence
from typing import Any

from domain.decider import ImpossibleHistory
from domain.webhooks.events import WebhookEvent
from domain.webhooks.state import Registered, WebhookState
from eventstore.execute import Change
from projections.outboxes.webhooks.queries import Attempt, Delivery, EndpointHealth
from projections.read_models.webhooks.list.queries import WebhookRow, row_of


def webhook_shape(webhook: WebhookRow) -> dict[str, Any]:
    return {
        "id": webhook.webhook_id,
        "kind": webhook.kind,
        "url": webhook.url,
        "events": webhook.events,
        "description": webhook.description,
        "status": webhook.status,
        "disabled_because": webhook.because,
        "created_at": webhook.created_at,
        "updated_at": webhook.updated_at,
        "secret_version": webhook.secret_version,
        "previous_valid_until": webhook.previous_valid_until,
        "revision": webhook.revision,
    }


def webhook_detail_shape(webhook: WebhookRow, health: EndpointHealth) -> dict[str, Any]:
    return {
        **webhook_shape(webhook),
        "failing_since": health.failing_since,
        "last_delivered_at": health.delivered_at,
    }


def changed_webhook(change: Change[WebhookState, WebhookEvent]) -> dict[str, Any]:
    """Return the JSON form of a webhook after a change."""
    if not isinstance(change.after, Registered):
        raise ImpossibleHistory(change)
    return webhook_shape(row_of(change.after))


def delivery_shape(delivery: Delivery, attempts: Sequence[Attempt]) -> dict[str, Any]:
    return {
        "id": delivery.delivery_id,
        "event_id": delivery.event_id,
        "event": delivery.event,
        "status": delivery.status,
        "created_at": delivery.created_at,
        "next_attempt_at": delivery.due_at if delivery.status == "pending" else None,
        "finished_at": delivery.finished_at,
        "attempts": [attempt._asdict() for attempt in attempts],
    }
