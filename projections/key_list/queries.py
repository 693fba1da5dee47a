"""What is asked of the list of keys."""

from datetime import datetime
from typing import NamedTuple

from eventstore.database import Connection
from eventstore.statements import load


class Queries(NamedTuple):
    key_list_put: bytes
    key_terms_add: bytes
    key_terms_remove: bytes
    key_counts_move: bytes
    counted: bytes
    overdue: bytes
    overdue_keys: bytes
    expiring: bytes
    secrets_ending: bytes


SQL = load(Queries, __file__)


class DueKey(NamedTuple):
    key_id: str
    organization_id: str


async def expiring(connection: Connection, at: datetime, limit: int) -> list[DueKey]:
    """Keys that are past their expiry at `at` and not recorded as expired, the longest overdue first."""
    cursor = await connection.execute(SQL.expiring, (at, limit))
    return [DueKey(*row) for row in await cursor.fetchall()]


async def overdue_keys(connection: Connection, organization_id: str, at: datetime, limit: int) -> list[DueKey]:
    """The same, of one organization."""
    given = {"organization_id": organization_id, "at": at, "limit": limit}
    cursor = await connection.execute(SQL.overdue_keys, given)
    return [DueKey(*row) for row in await cursor.fetchall()]


async def overdue_active(connection: Connection, organization_id: str, at: datetime) -> int:
    """How many keys are recorded as active and past their expiry at `at`."""
    given = {"organization_id": organization_id, "at": at, "environments": ["live", "test"], "statuses": ["active"]}
    cursor = await connection.execute(SQL.overdue, given | {"created_by": None, "mcp_id": None})
    row = await cursor.fetchone()
    return row[0] if row else 0


async def secrets_ending(connection: Connection, at: datetime, limit: int) -> list[DueKey]:
    """Keys with a rotated secret whose overlap is over at `at` and not recorded as retired."""
    cursor = await connection.execute(SQL.secrets_ending, (at, limit))
    return [DueKey(*row) for row in await cursor.fetchall()]
