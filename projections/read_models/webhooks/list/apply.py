"""Derive the rows of the webhook list from a change."""

from collections.abc import Iterable
from typing import Any

from domain.webhooks.events import WebhookChanged, WebhookSecretRotated
from domain.webhooks.state import Deleted, Disabled, ExistingWebhook
from eventstore.execute import Change
from infrastructure.database.statements import Statement
from projections.read_models.webhooks.list.queries import SECRETS_SIGNING_MAX, SQL


def apply(change: Change[Any, Any]) -> Iterable[Statement]:
    state: ExistingWebhook = change.after
    yield put(state)
    kept = _oldest_kept(change)
    if kept is not None:
        yield Statement(SQL.secrets_remove, (state.webhook.id, kept))


def put(state: ExistingWebhook) -> Statement:
    """Return the statement that writes the whole row of a webhook."""
    webhook = state.webhook
    return Statement(
        SQL.webhook_put,
        (
            webhook.id,
            webhook.organization_id,
            webhook.kind,
            webhook.url,
            list(webhook.events),
            webhook.description,
            state.__struct_config__.tag,
            state.because if isinstance(state, Disabled) else None,
            webhook.created_at,
            webhook.updated_at,
            webhook.secret_version,
            webhook.previous_valid_until,
            webhook.revision,
        ),
    )


def _oldest_kept(change: Change[Any, Any]) -> int | None:
    """Return the version of the oldest secret to keep, or None if nothing is removed.

    The previous secret stays while both sign. Earlier ones stay, too, if one rotation follows another within its
    overlap: the response to the first may have been lost, so the receiver still has the oldest one. Secret addresses do
    not overlap, and previous ones are not needed.
    """
    before, state = change.before, change.after
    if isinstance(state, Deleted):
        return state.webhook.secret_version + 1
    for event in change.events:
        match event:
            case WebhookSecretRotated():
                overlaps = before.webhook.previous_valid_until
                goes_on = overlaps is not None and change.at < overlaps
                return event.secret_version - (SECRETS_SIGNING_MAX - 1 if goes_on else 1)
            case WebhookChanged(address_replaced=True):
                return state.webhook.secret_version - 1
            case _:
                pass
    return None
