"""What can happen to a webhook: an address that is told what happens in its organization.

The law of `domain/keys/events.py` holds here too. What a message is signed with is in no event, nor is an address that
is a secret by itself: both lie sealed in `webhook_secrets`, counted by `secret_version`.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from domain.actor import Actor

WebhookKind = Literal["standard", "slack"]
"""standard: signed messages after Standard Webhooks · slack: text for an incoming webhook, whose address is secret."""

DisabledBecause = Literal["requested", "gone", "failing"]
"""requested: by somebody · gone: it answered 410 · failing: nothing got through for days."""


class WebhookCreated(Struct, frozen=True, tag_field="type", tag="webhook.created"):
    """`url` is what may be shown: of a secret address its beginning. `events`: names, or "*" for all."""

    webhook_id: str
    organization_id: str
    kind: WebhookKind
    url: str
    events: tuple[str, ...]
    created_at: datetime
    created_by: Actor
    description: str = ""


class WebhookChanged(Struct, frozen=True, tag_field="type", tag="webhook.updated"):
    """All that can be changed, as it is from now on. `address_replaced`: a secret address is another one."""

    url: str
    events: tuple[str, ...]
    description: str
    changed_at: datetime
    address_replaced: bool = False


class WebhookSecretRotated(Struct, frozen=True, tag_field="type", tag="webhook.secret_rotated"):
    """Messages are signed with the secret before, too, until `previous_valid_until`."""

    secret_version: int
    rotated_at: datetime
    previous_valid_until: datetime


class WebhookDisabled(Struct, frozen=True, tag_field="type", tag="webhook.disabled"):
    disabled_at: datetime
    because: DisabledBecause


class WebhookEnabled(Struct, frozen=True, tag_field="type", tag="webhook.enabled"):
    enabled_at: datetime


class WebhookDeleted(Struct, frozen=True, tag_field="type", tag="webhook.deleted"):
    deleted_at: datetime


WebhookEvent = (
    WebhookCreated | WebhookChanged | WebhookSecretRotated | WebhookDisabled | WebhookEnabled | WebhookDeleted
)
