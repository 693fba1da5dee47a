"""Projection of the usage log to the data of the anomaly rules.

Signals are side effects: a version that is made next to the live one does not queue them again. A projection that
follows the log from its start does not queue old ones either, because alerts about uses before `NEWS` are of no use.
"""

from collections.abc import Sequence
from datetime import timedelta

from eventstore.reader import UsageBatch
from infrastructure.clock import now
from infrastructure.database.connections import Connection
from projections.engine.readers import range_of, usage_reader
from projections.engine.runner import AsyncProjection
from projections.read_models.anomalies.queries import SQL

BATCHES_MAX = 5_000
USES_MAX = 50_000

NEWS = timedelta(hours=6)


async def _apply(connection: Connection, page: Sequence[UsageBatch]) -> None:
    await connection.execute(SQL.history_plan)
    await connection.execute(SQL.history_apply, range_of(page)._asdict())


async def _note(connection: Connection, page: Sequence[UsageBatch]) -> None:
    news = now() - NEWS
    if max(batch.occurred_at for batch in page) >= news:
        await connection.execute(SQL.signals_add, {**range_of(page)._asdict(), "news": news})


ANOMALY_WATCH = AsyncProjection(
    name="anomaly_watch",
    version=1,
    log="usage",
    read=usage_reader(BATCHES_MAX, USES_MAX),
    apply=_apply,
    side_effects=_note,
)
