"""Close the pending messages of a webhook when a change makes it inactive.

Otherwise they would block the others, and arrive years later at a webhook that is enabled again.
"""

from collections.abc import Iterable

from domain.webhooks.events import WebhookEvent
from domain.webhooks.state import Active, WebhookState
from eventstore.execute import Change
from infrastructure.database.statements import Statement
from projections.outboxes.webhooks.queries import SQL


def apply(change: Change[WebhookState, WebhookEvent]) -> Iterable[Statement]:
    if isinstance(change.before, Active) and not isinstance(change.after, Active):
        yield Statement(SQL.deliveries_close, (change.at, change.stream_id))
