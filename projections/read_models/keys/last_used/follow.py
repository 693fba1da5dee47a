"""How the order of keys by their last use follows from the usage log.

A use counts if it moves `last_used` in `projections/read_models/usage/apply.py`: any accepted use, and a question
about another key, for the key that asked.
"""

from collections.abc import Sequence

from eventstore.reader import UsageBatch
from infrastructure.database.connections import Connection
from projections.engine.readers import range_of, usage_reader
from projections.engine.runner import AsyncProjection
from projections.read_models.keys.last_used.queries import SQL

BATCHES_MAX = 500
USES_MAX = 2_000
"""A page: a revocation of one of these keys waits until its transaction is over."""


async def _apply(connection: Connection, page: Sequence[UsageBatch]) -> None:
    await connection.execute(SQL.key_recency_move, range_of(page)._asdict())


KEY_RECENCY = AsyncProjection(
    name="key_recency", version=1, log="usage", read=usage_reader(BATCHES_MAX, USES_MAX), apply=_apply
)
