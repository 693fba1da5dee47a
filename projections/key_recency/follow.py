"""How the order of keys by their last use follows from the usage log.

What counts as a use is what moves `last_used` in `projections/usage/apply.py`: any accepted one, and asking about
another key, for the key that asked.
"""

from collections.abc import Sequence

from eventstore.database import Connection
from eventstore.reader import UsageBatch
from projections.following import Follower
from projections.key_recency.queries import SQL
from projections.usage_pages import pages_of, span_of

BATCHES_MAX = 500
USES_MAX = 2_000
"""A page: a revocation of one of these keys waits until its transaction is over."""


async def _apply(connection: Connection, page: Sequence[UsageBatch]) -> None:
    await connection.execute(SQL.key_recency_move, span_of(page)._asdict())


KEY_RECENCY = Follower(
    projection="key_recency", version=1, log="usage", read=pages_of(BATCHES_MAX, USES_MAX), apply=_apply
)
