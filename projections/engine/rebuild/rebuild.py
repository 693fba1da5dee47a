"""Rebuild of a read model next to the live one, and the switch to the new version.

Tables of an async projection are switched: they change schemas in one transaction, and the old ones are kept until
`drop_old`. Tables of an inline projection are corrected in place instead, also in one transaction. Writes wait during
that transaction, reads continue, and the wrong rows are kept in the same way. See docs/decisions/0025.
"""

import asyncio
from time import monotonic
from typing import Any, NamedTuple

import psycopg

from infrastructure.database.connections import Connection
from projections.engine.read_model import ReadModel
from projections.engine.rebuild.compare import Comparison
from projections.engine.rebuild.errors import LockTimeout
from projections.engine.rebuild.queries import SQL
from projections.engine.rebuild.tables import (
    block_writes,
    create_schema,
    drop_schema,
    load_table,
    move_tables,
    reconcile,
    set_search_path,
)
from projections.engine.rebuild.versions import (
    Progress,
    Version,
    advance,
    begin_or_resume,
    compare_with_live,
    exclusive_connection,
    live_positions,
    no_progress,
    old_schemas,
    temporary_version,
)
from projections.engine.runner import LIVE, AsyncProjection, live_version

_NEAR_SECONDS = 1.0
"""A round of catching up that takes no longer is the last one. The switch applies the rest."""

_ATTEMPTS_MAX = 60
_PAUSE_SECONDS = 0.5


class Rebuilt(NamedTuple):
    """The result of a rebuild. `kept` is the schema that contains the replaced rows.

    None: the two differ, so nothing was switched.
    """

    version: Version
    comparison: Comparison
    kept: str | None


async def verify(url: str, model: ReadModel, progress: Progress = no_progress) -> Comparison:
    """Derive the model again into separate tables and compare, without touching the live version."""
    async with exclusive_connection(url, model) as connection, temporary_version(connection, model) as version:
        await _catch_up(connection, model, version, progress)
        return await compare_with_live(connection, url, model, version, progress)


async def rebuild(
    url: str, model: ReadModel, progress: Progress = no_progress, *, accept_differences: bool = False
) -> Rebuilt:
    """Make a new version, compare it and switch. A second run continues after the first one was killed."""
    async with exclusive_connection(url, model) as connection:
        version = await begin_or_resume(connection, model)
        await _catch_up(connection, model, version, progress)
        comparison = await compare_with_live(connection, url, model, version, progress)
        if not comparison.equal and not accept_differences:
            return Rebuilt(version, comparison, None)
        return Rebuilt(version, comparison, await _replace_live(connection, model, version))


async def drop_old(url: str, model: ReadModel) -> list[str]:
    """Remove what rebuilds replaced, and return the removed schemas."""
    async with exclusive_connection(url, model) as connection:
        cursor = await connection.execute(SQL.schemas, (old_schemas(model),))
        schemas = [row[0] for row in await cursor.fetchall()]
        for schema in schemas:
            async with connection.transaction():
                await connection.execute(SQL.version_stops_end, (model.name, schema))
                await connection.execute(SQL.version_end, (model.name, schema))
                await drop_schema(connection, schema)
        return schemas


async def _catch_up(connection: Connection, model: ReadModel, version: Version, progress: Progress) -> None:
    """Catch up until the live version is only a moment ahead, even while it advances."""
    while True:
        started = monotonic()
        await advance(connection, version, await live_positions(connection, model), progress)
        if monotonic() - started < _NEAR_SECONDS:
            return


async def _replace_live(connection: Connection, model: ReadModel, version: Version) -> str:
    """Replace the live version.

    Each attempt waits only briefly for the locks, because other sessions queue behind it.
    """
    for _ in range(_ATTEMPTS_MAX):
        try:
            async with connection.transaction():
                if model.projection is None or model.inline is not None:
                    return await _reconcile_live(connection, model, version)
                return await _switch(connection, model, version, model.projection)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            await asyncio.sleep(_PAUSE_SECONDS)
            await advance(connection, version, await live_positions(connection, model))
    raise LockTimeout


async def _switch(connection: Connection, model: ReadModel, version: Version, projection: AsyncProjection[Any]) -> str:
    """Switch the schemas. Runners wait at their checkpoints, and readers wait for a moment."""
    kept = f"{model.name}_old_{await live_version(connection, projection)}"
    await connection.execute(SQL.live_checkpoints_hold, (model.name,))
    await advance(connection, version, await live_positions(connection, model))
    await create_schema(connection, kept)
    await move_tables(connection, model.tables, LIVE, kept)
    await move_tables(connection, model.tables, version.schema, LIVE)
    await connection.execute(SQL.version_stops_end, (model.name, version.schema))
    await connection.execute(SQL.version_move, (kept, model.name, LIVE))
    await connection.execute(SQL.version_move, (LIVE, model.name, version.schema))
    await drop_schema(connection, version.schema)
    return kept


async def _reconcile_live(connection: Connection, model: ReadModel, version: Version) -> str:
    """Correct the live tables. Changes wait until this is done, but verification of keys does not."""
    kept = f"{model.name}_old_{version.number}"
    await block_writes(connection, model.tables)
    await connection.execute(SQL.live_checkpoints_hold, (model.name,))
    await advance(connection, version, await live_positions(connection, model))
    await create_schema(connection, kept)
    await set_search_path(connection, LIVE)
    for name in model.tables:
        await reconcile(connection, await load_table(connection, name), version.schema, kept)
    await connection.execute(SQL.version_stops_end, (model.name, version.schema))
    await connection.execute(SQL.version_end, (model.name, version.schema))
    await drop_schema(connection, version.schema)
    return kept
