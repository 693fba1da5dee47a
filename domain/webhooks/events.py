"""Events of a webhook: an address that is notified of the events of its organization.

The evolution rules in `domain/keys/events.py` apply here too. No event contains a signing secret, or an address that is
a secret itself. Both are encrypted in `webhook_secrets` and numbered by `secret_version`.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from domain.actor import Actor

WebhookKind = Literal["standard", "slack"]
"""standard: signed messages as in Standard Webhooks · slack: text for an incoming webhook with a secret address."""

DisabledBecause = Literal["requested", "gone", "failing"]
"""requested: by a caller · gone: the receiver responded with 410 · failing: no delivery succeeded for days."""


class WebhookCreated(Struct, frozen=True, tag_field="type", tag="webhook.created"):
    """A webhook was created. `url` may be shown, so a secret address is cut to its start. `events`: names, or "*"."""

    webhook_id: str
    organization_id: str
    kind: WebhookKind
    url: str
    events: tuple[str, ...]
    created_at: datetime
    created_by: Actor
    description: str = ""


class WebhookChanged(Struct, frozen=True, tag_field="type", tag="webhook.updated"):
    """The webhook was changed. Contains all changeable fields. `address_replaced`: the secret address is new."""

    url: str
    events: tuple[str, ...]
    description: str
    changed_at: datetime
    address_replaced: bool = False


class WebhookSecretRotated(Struct, frozen=True, tag_field="type", tag="webhook.secret_rotated"):
    """The signing secret was rotated. Messages are also signed with the old secret until `previous_valid_until`."""

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
