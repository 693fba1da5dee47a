"""Projection of the usage log to the keys by last use.

A use counts if it moves `last_used` in `projections/read_models/usage/apply.py`: any accepted use, and a verify call
about another key, for the calling key.
"""

from collections.abc import Sequence

from eventstore.reader import UsageBatch
from infrastructure.database.connections import Connection
from projections.engine.readers import range_of, usage_reader
from projections.engine.runner import AsyncProjection
from projections.read_models.keys.last_used.queries import SQL

BATCHES_MAX = 500
USES_MAX = 2_000
"""The page size. A revocation of one of these keys waits until its transaction ends."""


async def _apply(connection: Connection, page: Sequence[UsageBatch]) -> None:
    await connection.execute(SQL.key_recency_move, range_of(page)._asdict())


KEY_RECENCY = AsyncProjection(
    name="key_recency", version=1, log="usage", read=usage_reader(BATCHES_MAX, USES_MAX), apply=_apply
)
