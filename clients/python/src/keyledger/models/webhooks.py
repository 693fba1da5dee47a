"""Webhooks and what was sent to them, as the API shows them."""

from datetime import datetime

from msgspec import Struct

from keyledger.secret import Secret


class Webhook(Struct, frozen=True, kw_only=True):
    """`disabled_because`: gone (it answered 410), failing (nothing got through for days), or None."""

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
    """`failing_since`: the first failure since something got through; None: the last one got through."""

    failing_since: datetime | None = None
    last_delivered_at: datetime | None = None


class WebhookWithSecret(Webhook, frozen=True, kw_only=True):
    """`secret` proves messages, and is shown this one time. None in a repeat: rotate it; and for Slack."""

    secret: Secret | None = None


class DeletedWebhook(Struct, frozen=True):
    deleted: bool
    webhook_id: str


class Trial(Struct, frozen=True):
    """What the receiver of a test said; `error`: why there was no answer."""

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
