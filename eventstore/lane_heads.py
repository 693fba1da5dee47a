"""Queries on the progress of the log, for monitoring."""

from datetime import date
from typing import Literal, NamedTuple

from infrastructure.database.connections import Connection
from infrastructure.database.statements import load


class _Queries(NamedTuple):
    heads: bytes
    partitions_ahead: bytes


_SQL = load(_Queries, __file__, "lane_heads.sql")


class Head(NamedTuple):
    """The last position that a lane issued, or 0 while the lane is empty."""

    log: Literal["lifecycle", "usage"]
    lane: int
    position: int


async def heads(connection: Connection) -> list[Head]:
    cursor = await connection.execute(_SQL.heads)
    return [Head(*row) for row in await cursor.fetchall()]


async def partitions_ahead(connection: Connection, today: date) -> int:
    """Return for how many days after `today` (UTC) the usage log has a partition."""
    cursor = await connection.execute(_SQL.partitions_ahead, (today,))
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])
