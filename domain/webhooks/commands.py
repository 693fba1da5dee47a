"""Commands on a webhook."""

from datetime import datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from domain.actor import Actor
from domain.webhooks.events import DisabledBecause, WebhookKind


class CreateWebhook(Struct, frozen=True):
    """Create a webhook. `url` may be shown. `url_problem`: the problem of the full address; None: it may be reached.

    `others`: the number of webhooks that the organization already has.
    """

    webhook_id: str
    organization_id: str
    kind: WebhookKind
    url: str
    events: tuple[str, ...]
    at: datetime
    by: Actor
    others: int
    url_problem: str | None = None
    description: str = ""


class ChangeWebhook(Struct, frozen=True):
    """Change some of the fields; a field that is UNSET stays unchanged.

    `address_replaced`: the secret address is new, and `url` shows only its start.
    """

    at: datetime
    url: str | UnsetType = UNSET
    url_problem: str | None = None
    address_replaced: bool = False
    events: tuple[str, ...] | UnsetType = UNSET
    description: str | UnsetType = UNSET
    status: Literal["active", "disabled"] | UnsetType = UNSET


class RotateWebhookSecret(Struct, frozen=True):
    at: datetime
    overlap_seconds: int


class DisableWebhook(Struct, frozen=True):
    """Disable a webhook on behalf of the delivering worker."""

    at: datetime
    because: DisabledBecause


class DeleteWebhook(Struct, frozen=True):
    at: datetime


WebhookCommand = CreateWebhook | ChangeWebhook | RotateWebhookSecret | DisableWebhook | DeleteWebhook
