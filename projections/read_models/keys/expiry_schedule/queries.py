"""Queries on the expiry schedule."""

from datetime import datetime
from typing import NamedTuple

from domain.alerts.expiry_stages import Stage
from infrastructure.database.connections import Connection
from infrastructure.database.statements import Statement, load


class Queries(NamedTuple):
    watch_put: bytes
    watch_end: bytes
    watch_move: bytes
    watch_finish: bytes
    watch_due: bytes


SQL = load(Queries, __file__)


class Expiring(NamedTuple):
    key_id: str
    organization_id: str
    expires_at: datetime


async def due(connection: Connection, at: datetime, limit: int) -> list[Expiring]:
    """Return keys whose expiry alert is due and that have not expired yet, longest due first."""
    cursor = await connection.execute(SQL.watch_due, {"at": at, "limit": limit})
    return [Expiring(*row) for row in await cursor.fetchall()]


def mark_alerted(key_id: str, expires_at: datetime, following: Stage | None) -> Statement:
    """Return the statement that moves a key to its next stage, or removes it after the last one."""
    if following is None:
        return Statement(SQL.watch_finish, (key_id, expires_at))
    return Statement(SQL.watch_move, (following.at, key_id, expires_at))
