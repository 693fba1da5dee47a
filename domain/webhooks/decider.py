"""Decisions about a webhook."""

from datetime import timedelta
from typing import assert_never, get_args

from msgspec import UNSET
from msgspec.structs import replace

from domain.decider import Decider, ImpossibleHistory
from domain.fields import FieldErrors
from domain.refusal import Conflict
from domain.webhooks.commands import (
    ChangeWebhook,
    CreateWebhook,
    DeleteWebhook,
    DisableWebhook,
    RotateWebhookSecret,
    WebhookCommand,
)
from domain.webhooks.errors import NothingToRotate, TooManyWebhooks, WebhookNotFound
from domain.webhooks.event_names import EVERYTHING, PUBLIC_EVENTS
from domain.webhooks.events import (
    WebhookChanged,
    WebhookCreated,
    WebhookDeleted,
    WebhookDisabled,
    WebhookEnabled,
    WebhookEvent,
    WebhookSecretRotated,
)
from domain.webhooks.state import Active, Deleted, Disabled, Registered, Webhook, WebhookState

WEBHOOKS_MAX = 20
"""The maximum per organization, because every event is sent to each webhook."""

URL_LENGTH_MAX = 2_000
OVERLAP_SECONDS_MAX = 7 * 86_400
OVERLAP_SECONDS_DEFAULT = 86_400


def decide(state: WebhookState, command: WebhookCommand) -> tuple[WebhookEvent, ...]:
    match command:
        case CreateWebhook():
            return _create(state, command)
        case ChangeWebhook():
            return _change(_registered(state), command)
        case RotateWebhookSecret():
            return _rotate(_registered(state).webhook, command)
        case DisableWebhook():
            return _disable(state, command)
        case DeleteWebhook():
            _registered(state)
            return (WebhookDeleted(deleted_at=command.at),)
        case _:
            assert_never(command)


def evolve(state: WebhookState, event: WebhookEvent) -> WebhookState:
    if isinstance(event, WebhookCreated):
        return _created(state, event)
    if not isinstance(state, Registered):
        raise ImpossibleHistory(event)
    webhook = replace(state.webhook, revision=state.webhook.revision + 1)
    match event:
        case WebhookChanged():
            return replace(state, webhook=_changed(webhook, event))
        case WebhookSecretRotated():
            rotated = replace(
                webhook,
                secret_version=event.secret_version,
                previous_valid_until=event.previous_valid_until,
                updated_at=event.rotated_at,
            )
            return replace(state, webhook=rotated)
        case WebhookDisabled():
            return Disabled(replace(webhook, updated_at=event.disabled_at), event.because)
        case WebhookEnabled():
            return Active(replace(webhook, updated_at=event.enabled_at))
        case WebhookDeleted():
            return Deleted(replace(webhook, updated_at=event.deleted_at), event.deleted_at)
        case _:
            assert_never(event)


def _registered(state: WebhookState) -> Registered:
    if not isinstance(state, Registered):
        raise WebhookNotFound
    return state


def _create(state: WebhookState, command: CreateWebhook) -> tuple[WebhookEvent, ...]:
    if state is not None:
        raise Conflict("There is a webhook with this id already.")
    _refuse_problems(command.url, command.url_problem, command.events, command.description)
    if command.others >= WEBHOOKS_MAX:
        raise TooManyWebhooks(limit=WEBHOOKS_MAX, used=command.others)
    return (
        WebhookCreated(
            webhook_id=command.webhook_id,
            organization_id=command.organization_id,
            kind=command.kind,
            url=command.url,
            events=_names(command.events),
            created_at=command.at,
            created_by=command.by,
            description=command.description,
        ),
    )


def _change(state: Registered, command: ChangeWebhook) -> tuple[WebhookEvent, ...]:
    webhook = state.webhook
    changed = WebhookChanged(
        url=webhook.url if command.url is UNSET else command.url,
        events=webhook.events if command.events is UNSET else command.events,
        description=webhook.description if command.description is UNSET else command.description,
        changed_at=command.at,
        address_replaced=command.address_replaced,
    )
    _refuse_problems(changed.url, command.url_problem, changed.events, changed.description)
    changed = replace(changed, events=_names(changed.events))
    events: list[WebhookEvent] = []
    if changed.address_replaced or _changed(webhook, changed) != replace(webhook, updated_at=command.at):
        events.append(changed)
    if command.status == "disabled" and isinstance(state, Active):
        events.append(WebhookDisabled(disabled_at=command.at, because="requested"))
    if command.status == "active" and isinstance(state, Disabled):
        events.append(WebhookEnabled(enabled_at=command.at))
    return tuple(events)


def _rotate(webhook: Webhook, command: RotateWebhookSecret) -> tuple[WebhookEvent, ...]:
    if webhook.kind == "slack":
        raise NothingToRotate
    problems = FieldErrors()
    if not 0 <= command.overlap_seconds <= OVERLAP_SECONDS_MAX:
        problems.add("overlap_seconds", f"Must be from 0 to {OVERLAP_SECONDS_MAX}")
    problems.raise_if_any()
    return (
        WebhookSecretRotated(
            secret_version=webhook.secret_version + 1,
            rotated_at=command.at,
            previous_valid_until=command.at + timedelta(seconds=command.overlap_seconds),
        ),
    )


def _disable(state: WebhookState, command: DisableWebhook) -> tuple[WebhookEvent, ...]:
    """Disable the webhook, unless a concurrent change has disabled or deleted it."""
    if not isinstance(state, Active):
        return ()
    return (WebhookDisabled(disabled_at=command.at, because=command.because),)


def _refuse_problems(url: str, url_problem: str | None, events: tuple[str, ...], description: str) -> None:
    problems = FieldErrors()
    problems.text("url", url, URL_LENGTH_MAX)
    if url_problem is not None:
        problems.add("url", url_problem)
    unknown = sorted(set(events) - {*PUBLIC_EVENTS, EVERYTHING})
    if unknown:
        problems.add("events", f"Must be of {EVERYTHING}, {', '.join(PUBLIC_EVENTS)}")
    if not events:
        problems.add("events", f'Must not be empty; ["{EVERYTHING}"] is for all')
    problems.description("description", description)
    problems.raise_if_any()


def _names(events: tuple[str, ...]) -> tuple[str, ...]:
    """Return each name once, and "*" alone if it is among them."""
    return (EVERYTHING,) if EVERYTHING in events else tuple(sorted(set(events)))


def _created(state: WebhookState, event: WebhookCreated) -> Active:
    if state is not None:
        raise ImpossibleHistory(event)
    return Active(
        Webhook(
            id=event.webhook_id,
            organization_id=event.organization_id,
            kind=event.kind,
            url=event.url,
            events=event.events,
            description=event.description,
            created_at=event.created_at,
            updated_at=event.created_at,
            secret_version=1,
            revision=1,
        )
    )


def _changed(webhook: Webhook, event: WebhookChanged) -> Webhook:
    return replace(
        webhook,
        url=event.url,
        events=event.events,
        description=event.description,
        updated_at=event.changed_at,
        # The previous address is no longer used, so there is no overlap.
        secret_version=webhook.secret_version + event.address_replaced,
    )


WEBHOOK: Decider[WebhookState, WebhookCommand, WebhookEvent] = Decider(
    kind="webhook", initial=None, decide=decide, evolve=evolve, event_types=get_args(WebhookEvent)
)
