"""Count the uses of a page of the usage log by organization and hour.

Every use and every end of a call is counted, also management, refusals and uses without an organization. The same names
are left out as in `projections/read_models/usage/apply.py`. The end of a call counts in the hour of the use that
authorized it, in the row of accepted calls.

A database that is older than this read model may have removed days of uses before the first page was counted. Those
hours stay empty.
"""

from collections.abc import Sequence

from eventstore.reader import UsageBatch
from infrastructure.database.connections import Connection
from projections.read_models.usage.apply import count_kept_page, usage_projection
from projections.read_models.usage.organization_hours.queries import SQL


async def _apply(connection: Connection, page: Sequence[UsageBatch]) -> None:
    await count_kept_page(connection, page, SQL.hours_apply)


ORGANIZATION_HOURS = usage_projection("organization_usage_hours", _apply)
