"""List, for each organization, the batches of the usage log that contain its uses, and their positions in the batch.

The log has no index by organization, because each verification would write an entry to it (docs/decisions/0042). Uses
without an organization are not listed: their secret belongs to no key, and no key of an organization verified it.

A database that is older than this read model may have removed days of uses before the first page was listed. Those days
have no rows.
"""

from collections.abc import Sequence

from eventstore.reader import UsageBatch
from infrastructure.database.connections import Connection
from projections.engine.batch_size import AdaptiveBatchSize
from projections.engine.readers import usage_reader
from projections.engine.runner import AsyncProjection
from projections.read_models.usage.apply import (
    BATCHES_MAX,
    DOUBLED_BELOW_SECONDS,
    FIRST_BATCHES,
    USES_MAX,
    count_kept_page,
)
from projections.read_models.usage.organization_batches.queries import SQL


async def _apply(connection: Connection, page: Sequence[UsageBatch]) -> None:
    await count_kept_page(connection, page, SQL.batches_apply)


ORGANIZATION_BATCHES = AsyncProjection(
    name="organization_batches",
    version=1,
    log="usage",
    read=usage_reader(BATCHES_MAX, USES_MAX),
    apply=_apply,
    batch_size=AdaptiveBatchSize(FIRST_BATCHES, DOUBLED_BELOW_SECONDS),
)
