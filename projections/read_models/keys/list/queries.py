"""Queries on the key list."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from psycopg.rows import TupleRow

from eventstore.execute import Lock
from infrastructure.database.connections import Connection
from infrastructure.database.statements import Statement, load
from projections.read_models.keys.list.search_terms import person_range


class Queries(NamedTuple):
    key_list_put: bytes
    key_terms_add: bytes
    key_terms_remove: bytes
    key_counts_move: bytes
    counted: bytes
    creators: bytes
    overdue: bytes
    overdue_keys: bytes
    expiring: bytes
    keys_there: bytes
    creator_known: bytes
    secrets_ending: bytes
    secrets_superseded: bytes
    used_versions: bytes
    used_secret: bytes
    superseded_settled: bytes


SQL = load(Queries, __file__)


class DueKey(NamedTuple):
    key_id: str
    organization_id: str


class KeyCreator(NamedTuple):
    user_id: str
    keys: int


async def creators(connection: Connection, organization_id: str, user_id: str | None, limit: int) -> list[KeyCreator]:
    """Return the people who created keys, most keys first. `user_id`: only this user; None: all."""
    first, last = person_range(user_id)
    parameters = {"organization_id": organization_id, "first": first, "last": last, "limit": limit}
    cursor = await connection.execute(SQL.creators, parameters)
    return [KeyCreator(*row) for row in await cursor.fetchall()]


async def expiring(connection: Connection, at: datetime, limit: int) -> list[DueKey]:
    """Return keys that are past their expiry at `at` and not recorded as expired, longest overdue first."""
    cursor = await connection.execute(SQL.expiring, (at, limit))
    return [DueKey(*row) for row in await cursor.fetchall()]


async def overdue_keys(connection: Connection, organization_id: str, at: datetime, limit: int) -> list[DueKey]:
    """Return the same keys of one organization."""
    parameters = {"organization_id": organization_id, "at": at, "limit": limit}
    cursor = await connection.execute(SQL.overdue_keys, parameters)
    return [DueKey(*row) for row in await cursor.fetchall()]


async def overdue_active(connection: Connection, organization_id: str, at: datetime) -> int:
    """Return how many keys are recorded as active and past their expiry at `at`."""
    parameters = {
        "organization_id": organization_id,
        "at": at,
        "environments": ["live", "test"],
        "statuses": ["active"],
    }
    no_filter = {"created_by": None, "mcp_id": None, "mcp_environment": None, "all_mcps": False}
    cursor = await connection.execute(SQL.overdue, parameters | no_filter)
    row = await cursor.fetchone()
    return row[0] if row else 0


async def keys_there(
    connection: Connection, organization_id: str, key_ids: Sequence[str], created_by: str | None
) -> set[str]:
    """Return those of `key_ids` that are keys of the organization, in any state. `created_by`: only by this creator."""
    parameters = {"organization_id": organization_id, "ids": list(key_ids), "created_by": created_by}
    return {key_id for (key_id,) in await (await connection.execute(SQL.keys_there, parameters)).fetchall()}


async def creator_known(connection: Connection, organization_id: str, creator_id: str) -> bool:
    """Return whether this is a key or a user of the organization, including former ones."""
    parameters = {"organization_id": organization_id, "creator_id": creator_id}
    row = await (await connection.execute(SQL.creator_known, parameters)).fetchone()
    return row is not None and bool(row[0])


class UsedSecret(NamedTuple):
    """A secret whose first use ended the earlier ones."""

    key_id: str
    organization_id: str
    version: int
    used_at: datetime


async def secrets_superseded(connection: Connection, at: datetime, limit: int) -> list[UsedSecret]:
    """Return secrets that were first used by `at` and whose predecessors are not recorded as retired."""
    cursor = await connection.execute(SQL.secrets_superseded, (at, limit))
    return [UsedSecret(*row) for row in await cursor.fetchall()]


async def used_versions(connection: Connection, key_ids: Sequence[str]) -> dict[str, int]:
    """Return the versions of the secrets whose use ended the earlier ones, if that is not recorded yet, by key id."""
    if not key_ids:
        return {}
    cursor = await connection.execute(SQL.used_versions, (list(key_ids),))
    return {key_id: version for key_id, version in await cursor.fetchall()}  # noqa: C416 -- untyped tuples


async def used_secret(connection: Connection, key_id: str, organization_id: str) -> UsedSecret | None:
    """Return the secret of a key whose use ended the earlier ones, if that is not recorded yet."""
    row = await (await connection.execute(SQL.used_secret, (key_id, organization_id))).fetchone()
    return None if row is None else UsedSecret(*row)


def used_version_guard(key_id: str, organization_id: str) -> Lock[int]:
    """Return a guard that reads the version of that secret, or 0.

    It locks nothing, so a use never waits for a change.
    """

    def facts(row: TupleRow | None) -> int:
        return 0 if row is None else UsedSecret(*row).version

    return Lock(Statement(SQL.used_secret, (key_id, organization_id)), facts)


async def secrets_ending(connection: Connection, at: datetime, limit: int) -> list[DueKey]:
    """Return keys with a rotated secret whose overlap is over at `at` and not recorded as retired."""
    cursor = await connection.execute(SQL.secrets_ending, (at, limit))
    return [DueKey(*row) for row in await cursor.fetchall()]
