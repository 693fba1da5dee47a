"""States of a webhook."""

from datetime import datetime

from msgspec import Struct

from domain.webhooks.events import DisabledBecause, WebhookKind


class Webhook(Struct, frozen=True):
    """Fields of every webhook. `secret_version` counts from 1 and numbers the signing secret or the secret address."""

    id: str
    organization_id: str
    kind: WebhookKind
    url: str
    events: tuple[str, ...]
    description: str
    created_at: datetime
    updated_at: datetime
    secret_version: int
    revision: int
    previous_valid_until: datetime | None = None


class Active(Struct, frozen=True, tag_field="status", tag="active"):
    webhook: Webhook


class Disabled(Struct, frozen=True, tag_field="status", tag="disabled"):
    """A disabled webhook. Nothing is sent to it, and events are not stored for later."""

    webhook: Webhook
    because: DisabledBecause


class Deleted(Struct, frozen=True, tag_field="status", tag="deleted"):
    webhook: Webhook
    deleted_at: datetime


Registered = Active | Disabled
ExistingWebhook = Registered | Deleted
WebhookState = ExistingWebhook | None
