"""What can be asked of a webhook."""

from datetime import datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from domain.actor import Actor
from domain.webhooks.events import DisabledBecause, WebhookKind


class CreateWebhook(Struct, frozen=True):
    """`url` is what may be shown; `url_problem`: what is wrong with the whole address, None when it may be reached.

    `others`: how many webhooks the organization has already.
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
    """Any of the fields; one that is UNSET stays as it is. `address_replaced`: `url` shows a secret address."""

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
    """By whoever delivers."""

    at: datetime
    because: DisabledBecause


class DeleteWebhook(Struct, frozen=True):
    at: datetime


WebhookCommand = CreateWebhook | ChangeWebhook | RotateWebhookSecret | DisableWebhook | DeleteWebhook
