"""Webhooks and their deliveries, as the API returns them."""

from datetime import datetime

from msgspec import Struct

from keyledger.secret import Secret


class Webhook(Struct, frozen=True, kw_only=True):
    """A webhook. `disabled_because`: gone (the receiver responded with 410), failing (no success for days), or None."""

    id: str
    kind: str
    url: str
    events: tuple[str, ...]
    description: str
    status: str
    disabled_because: str | None = None
    created_at: datetime
    updated_at: datetime
    secret_version: int
    previous_valid_until: datetime | None = None
    revision: int


class WebhookDetail(Webhook, frozen=True, kw_only=True):
    """A webhook with its state. `failing_since`: the first failure after the last success, or None."""

    failing_since: datetime | None = None
    last_delivered_at: datetime | None = None


class WebhookWithSecret(Webhook, frozen=True, kw_only=True):
    """A webhook with the `secret` that signs its messages, which is never shown again.

    It is None for Slack, and in a replayed response; rotate the secret then.
    """

    secret: Secret | None = None


class DeletedWebhook(Struct, frozen=True):
    deleted: bool
    webhook_id: str


class Trial(Struct, frozen=True):
    """The receiver's response to a test message. `error`: why there was no response."""

    message_id: str
    delivered: bool
    latency_ms: int
    status_code: int | None = None
    error: str | None = None
    response: str = ""


class Attempt(Struct, frozen=True):
    at: datetime
    latency_ms: int
    status_code: int | None = None
    error: str | None = None
    response: str = ""


class Delivery(Struct, frozen=True, kw_only=True):
    """One message to one webhook, with every attempt to send it."""

    id: str
    event_id: str
    event: str
    status: str
    created_at: datetime
    next_attempt_at: datetime | None = None
    finished_at: datetime | None = None
    attempts: tuple[Attempt, ...] = ()
