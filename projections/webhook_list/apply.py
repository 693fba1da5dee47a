"""How the list of webhooks follows from a change."""

from collections.abc import Iterable
from typing import Any, cast

from domain.webhooks.decider import WEBHOOK
from domain.webhooks.state import Deleted, Disabled, ExistingWebhook
from eventstore.execute import Change
from eventstore.statements import Statement
from projections.webhook_list.queries import SQL


def apply(change: Change[Any, Any]) -> Iterable[Statement]:
    if change.kind != WEBHOOK.kind:
        return
    state = cast("ExistingWebhook", change.after)
    webhook = state.webhook
    yield Statement(
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
    # The one before stays for as long as both sign; of a secret address nothing overlaps, and it is not asked for.
    kept = webhook.secret_version + 1 if isinstance(state, Deleted) else webhook.secret_version - 1
    yield Statement(SQL.secrets_remove, (webhook.id, kept))
