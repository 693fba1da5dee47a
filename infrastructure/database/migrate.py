"""Schema migration: numbered scripts, each applied once, in one transaction, under one lock.

A script that was edited after it was applied is refused, because the database would not match the files.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

import structlog

from infrastructure.database.connections import MAINTENANCE_TIMEOUTS, Connection, connect
from infrastructure.database.errors import StorageError

_log = structlog.get_logger(__name__)

LOCK_KEY = 7_002
HISTORY_TABLE = b"""
create table if not exists schema_migrations (
    name       text primary key,
    checksum   text not null,
    applied_at timestamptz not null default now()
)
"""


class EditedMigration(StorageError):
    """A script that was applied to this database has been edited since. Restore it and add a new one."""


class Script(NamedTuple):
    """A part of the schema. `name` identifies it in the history; `former_name` did in earlier versions."""

    name: str
    sql: bytes
    former_name: str | None = None

    @property
    def checksum(self) -> str:
        return sha256(self.sql).hexdigest()


async def migrate(url: str, scripts: Sequence[Script]) -> list[str]:
    """Apply the missing scripts and return their names. Any number of processes may call this concurrently."""
    async with await connect(url, role=None, timeouts=MAINTENANCE_TIMEOUTS) as connection:
        await connection.execute(b"select pg_advisory_lock(%s)", (LOCK_KEY,))
        await connection.execute(HISTORY_TABLE)
        await _rename_history(connection, scripts)
        applied = await _applied(connection)
        _refuse_edited(scripts, applied)
        missing = [script for script in scripts if script.name not in applied]
        for script in missing:
            async with connection.transaction():
                await connection.execute(script.sql)
                await connection.execute(
                    b"insert into schema_migrations (name, checksum) values (%s, %s)", (script.name, script.checksum)
                )
            _log.info("migration_applied", migration=script.name)
        return [script.name for script in missing]


async def missing(connection: Connection, scripts: Sequence[Script]) -> list[str]:
    """Return the names of the scripts that have not been applied to this database."""
    cursor = await connection.execute(b"select to_regclass('schema_migrations') is not null")
    row = await cursor.fetchone()
    applied = await _applied(connection) if row is not None and row[0] else {}
    return [script.name for script in scripts if script.name not in applied]


async def _rename_history(connection: Connection, scripts: Sequence[Script]) -> None:
    for script in scripts:
        if script.former_name is not None:
            await connection.execute(
                b"update schema_migrations set name = %s where name = %s", (script.name, script.former_name)
            )


async def _applied(connection: Connection) -> dict[str, str]:
    cursor = await connection.execute(b"select name, checksum from schema_migrations")
    return {name: checksum for name, checksum in await cursor.fetchall()}  # noqa: C416 -- rows are untyped tuples


def _refuse_edited(scripts: Sequence[Script], applied: dict[str, str]) -> None:
    for script in scripts:
        if applied.get(script.name, script.checksum) != script.checksum:
            raise EditedMigration(f"{script.name} has been edited after it was applied. Restore it and add a new one.")
