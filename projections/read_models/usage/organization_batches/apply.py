"""List, for each organization, the batches of the usage log that contain its uses, and their positions in the batch.

The log has no index by organization, because each verification would write an entry to it (docs/decisions/0042). Uses
without an organization are not listed: their secret belongs to no key, and no key of an organization verified it.

A database that is older than this read model may have removed days of uses before the first page was listed. Those days
have no rows.
"""

from collections.abc import Sequence

from eventstore.reader import UsageBatch
from infrastructure.database.connections import Connection
from projections.read_models.usage.apply import count_kept_page, usage_projection
from projections.read_models.usage.organization_batches.queries import SQL


async def _apply(connection: Connection, page: Sequence[UsageBatch]) -> None:
    await count_kept_page(connection, page, SQL.batches_apply)


ORGANIZATION_BATCHES = usage_projection("organization_batches", _apply)
