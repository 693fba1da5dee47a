"""Verification of billed usage against the usage log."""

from typing import NamedTuple

from infrastructure.database.connections import Connection
from infrastructure.database.statements import load


class _Queries(NamedTuple):
    lanes_differing: bytes


_SQL = load(_Queries, __file__, "check.sql")


async def check_billed_usage(connection: Connection) -> list[str]:
    """Return a line for each organization, month and lane whose count differs from the log."""
    cursor = await connection.execute(_SQL.lanes_differing)
    return [
        f"I4 billed_uses {organization_id} {month:%Y-%m} lane {lane}: {counted} counted, {logged} in the log"
        for organization_id, month, lane, counted, logged in await cursor.fetchall()
    ]
