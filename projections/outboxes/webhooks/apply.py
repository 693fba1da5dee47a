"""What a change of a webhook does to what waits for it: nothing is kept for one that nothing is sent to any more.

Or what waits for such webhooks would stand in the way of the rest, and come years late to one that is enabled again.
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
