"""What a change of a webhook does to what waits for it: nothing is kept for one that nothing is sent to any more.

Or what waits for such webhooks would stand in the way of the rest, and come years late to one that is enabled again.
"""

from collections.abc import Iterable
from typing import Any

from domain.webhooks.decider import WEBHOOK
from domain.webhooks.state import Active
from eventstore.execute import Change
from infrastructure.database.statements import Statement
from projections.outboxes.webhooks.queries import SQL


def apply(change: Change[Any, Any]) -> Iterable[Statement]:
    if change.kind == WEBHOOK.kind and isinstance(change.before, Active) and not isinstance(change.after, Active):
        yield Statement(SQL.deliveries_close, (change.at, change.stream_id))
