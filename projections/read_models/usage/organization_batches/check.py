"""Invariant I8 for the places of uses: every use of an organization up to the checkpoint is listed exactly once."""

from typing import NamedTuple

from infrastructure.database.connections import Connection
from infrastructure.database.statements import load
from projections.read_models.usage.organization_batches.apply import ORGANIZATION_BATCHES


class _Queries(NamedTuple):
    batches_differing: bytes


_SQL = load(_Queries, __file__, "check.sql")


async def check_organization_batches(connection: Connection) -> list[str]:
    """Return a line for each batch whose uses of an organization are not those that are listed."""
    cursor = await connection.execute(_SQL.batches_differing, (ORGANIZATION_BATCHES.name, ORGANIZATION_BATCHES.log))
    return [
        f"I8 organization_batches of '{organization_id}', lane {lane}, batch {batch_no}: positions {listed} are listed "
        f"and {logged} in the log"
        for organization_id, lane, batch_no, listed, logged in await cursor.fetchall()
    ]
