"""The states of a webhook."""

from datetime import datetime

from msgspec import Struct

from domain.webhooks.events import DisabledBecause, WebhookKind


class Webhook(Struct, frozen=True):
    """`secret_version` counts from 1: of what messages are signed with, or of an address that is a secret."""

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
    """Nothing is sent to it; what happens meanwhile is not kept for it."""

    webhook: Webhook
    because: DisabledBecause


class Deleted(Struct, frozen=True, tag_field="status", tag="deleted"):
    webhook: Webhook
    deleted_at: datetime


Registered = Active | Disabled
ExistingWebhook = Registered | Deleted
WebhookState = ExistingWebhook | None
