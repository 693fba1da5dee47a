"""A version of a read model that is made next to the live one, in a separate schema.

It is derived with the statements of the live one, page by page. Each page and its checkpoint are one transaction, so a
killed process can be continued. The version is never ahead of the live one, so that both can be compared at equal
positions.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, NamedTuple

from eventstore.lanes import LANES
from eventstore.queries import SQL as LOG
from eventstore.retention import removals_locked
from infrastructure.database.connections import Connection, Timeouts, connect
from projections.engine.read_model import ReadModel
from projections.engine.rebuild.compare import Comparison, compare
from projections.engine.rebuild.errors import AlreadyRunning, ReplayStopped, UsageAlreadyRemoved
from projections.engine.rebuild.queries import SQL
from projections.engine.rebuild.replay import replaying
from projections.engine.rebuild.tables import (
    create_empty_copies,
    create_schema,
    create_tables,
    drop_schema,
    set_search_path,
)
from projections.engine.runner import AsyncProjection, Log, ensure_checkpoints, lags, run_projection

Positions = Mapping[Log, Mapping[int, int]]
"""Positions by log and lane."""

Progress = Callable[[int, int], None]
"""Called now and then with the number of applied positions and the total."""

_STEP_SECONDS = 0.5
_CLAIM_SECONDS = 3.0
_CLAIM_PAUSE_SECONDS = 0.2
_TIMEOUTS = Timeouts(lock=0.4, statement=0, idle_in_transaction=0)
"""A lock that is not available soon is given up, because other sessions queue for the same table behind this one."""


class Version(NamedTuple):
    """A version. `steps` derive its tables, one after the other."""

    number: int
    schema: str
    steps: tuple[AsyncProjection[Any], ...]


def no_progress(_applied: int, _of: int) -> None:
    """Ignore the progress."""


@asynccontextmanager
async def exclusive_connection(url: str, model: ReadModel) -> AsyncGenerator[Connection]:
    """Yield a connection that owns the tables, for the only process that makes versions of `model` at this time."""
    async with await connect(url, role=None, timeouts=_TIMEOUTS) as connection:
        await _claim(connection, model)
        if model.projection is not None:
            await ensure_checkpoints(connection, model.projection)
        yield connection


async def _claim(connection: Connection, model: ReadModel) -> None:
    """Claim the model.

    Retry for a while, because the server needs a moment to notice that the previous process was killed.
    """
    deadline = monotonic() + _CLAIM_SECONDS
    while True:
        row = await (await connection.execute(SQL.model_claim, (model.name,))).fetchone()
        if row is not None and row[0]:
            return
        if monotonic() >= deadline:
            raise AlreadyRunning
        await asyncio.sleep(_CLAIM_PAUSE_SECONDS)


async def begin_or_resume(connection: Connection, model: ReadModel) -> Version:
    """Return the version that an earlier run left unfinished, or a new, empty one."""
    beginning = f"{model.name}_new_"
    row = await (await connection.execute(SQL.version_begun, (model.name, beginning))).fetchone()
    if row is not None:
        return Version(row[0], row[1], _steps(model))
    number = await last_version(connection, model) + 1
    version = Version(number, f"{beginning}{number}", _steps(model))
    async with connection.transaction():
        # A schema without a checkpoint is what a killed process left of its last step.
        await drop_schema(connection, version.schema)
        await create_schema(connection, version.schema)
        if model.inline is not None:
            await create_empty_copies(connection, version.schema, (*model.tables, *model.side_tables))
        else:
            await create_tables(connection, version.schema, model.folder)
        await _begin_checkpoints(connection, model, version)
    return version


async def last_version(connection: Connection, model: ReadModel) -> int:
    cursor = await connection.execute(SQL.version_last, (model.name, old_schemas(model)))
    row = await cursor.fetchone()
    return 1 if row is None else int(row[0])


def old_schemas(model: ReadModel) -> str:
    """Return a pattern for the names of the schemas that contain replaced rows."""
    return rf"^{model.name}_old_\d+$"


@asynccontextmanager
async def temporary_version(connection: Connection, model: ReadModel) -> AsyncGenerator[Version]:
    """Yield an empty version that is dropped afterwards. First drop what a killed process left of an earlier one."""
    version = Version(0, f"{model.name}_verify", _steps(model))
    await forget(connection, model, version.schema)
    async with connection.transaction():
        await create_schema(connection, version.schema)
        await create_empty_copies(connection, version.schema, (*model.tables, *model.side_tables))
        await _begin_checkpoints(connection, model, version)
    try:
        yield version
    finally:
        await forget(connection, model, version.schema)


async def forget(connection: Connection, model: ReadModel, schema: str) -> None:
    """Drop the version in `schema`."""
    async with connection.transaction():
        await connection.execute(SQL.version_stops_end, (model.name, schema))
        await connection.execute(SQL.version_end, (model.name, schema))
        await drop_schema(connection, schema)


async def live_positions(connection: Connection, model: ReadModel) -> Positions:
    """Return the positions of the live version. For an inline model, they are the heads of the log.

    The log that is replayed last is read first. What its entries need of the other log, such as the key of a use, was
    written before them, so the positions of the other log include it.
    """
    positions: dict[Log, Mapping[int, int]] = {}
    for log in reversed(model.logs):
        if log == "lifecycle" and model.inline is not None:
            cursor = await connection.execute(LOG.lane_heads, (log,))
        else:
            cursor = await connection.execute(SQL.live_checkpoints, (model.name, log))
        positions[log] = dict(await cursor.fetchall())
    return positions


async def advance(connection: Connection, version: Version, until: Positions, progress: Progress = no_progress) -> int:
    """Advance the version to `until`, not beyond. Return the number of applied positions.

    Raises `ReplayStopped` when a lane stops before that.
    """
    await set_search_path(connection, version.schema)
    of = sum(sum(lanes.values()) for lanes in until.values())
    done = of - await _missing(connection, version, until)
    done_before = done
    progress(done, of)
    for step in version.steps:
        while True:
            lanes = until[step.log]
            result = await run_projection(connection, step, _STEP_SECONDS, schema=version.schema, until=lanes)
            done += result.applied
            progress(done, of)
            if result.stopped:
                lane, reason = min(result.stopped.items())
                raise ReplayStopped(f"{step.log} lane {lane}: {reason}")
            if not result.unfinished and not result.delayed:
                break
    return done - done_before


async def compare_with_live(
    connection: Connection, url: str, model: ReadModel, version: Version, progress: Progress = no_progress
) -> Comparison:
    """Compare row by row at equal positions. The live version continues, because it is read in a snapshot."""
    async with await connect(url, role=None, timeouts=_TIMEOUTS) as live, live.transaction():
        await live.execute(b"set transaction isolation level repeatable read, read only")
        await advance(connection, version, await live_positions(live, model), progress)
        async with connection.transaction():
            return await compare(live, connection, model, version.schema)


async def _missing(connection: Connection, version: Version, until: Positions) -> int:
    """Return how many positions the version still lacks."""
    missing = 0
    for step in version.steps:
        for lag in await lags(connection, step, version.schema):
            missing += max(until[step.log].get(lag.lane, 0) - lag.position, 0)
    return missing


async def _begin_checkpoints(connection: Connection, model: ReadModel, version: Version) -> None:
    if "usage" in model.logs:
        # From the checkpoints on, retention removes nothing that this version has yet to read.
        removed = await removals_locked(connection)
        if removed is not None:
            raise UsageAlreadyRemoved(
                f"{model.name} cannot be derived again: {removed.events:,} uses from {removed.first} to {removed.last}"
                " were removed from the log. Its rows remain correct. Only the exports still contain the uses of those"
                " days"
            )
    for log in model.logs:
        parameters = (model.name, version.number, log, version.schema, LANES)
        await connection.execute(SQL.version_begin, parameters)


def _steps(model: ReadModel) -> tuple[AsyncProjection[Any], ...]:
    """Return the projections that derive the read model again. A replay stores streams, so each version has its own.

    The lifecycle log comes first, so that what a use needs, such as its key, is already there.
    """
    replayed = () if model.inline is None else (replaying(model.name, model.inline),)
    return replayed if model.projection is None else (*replayed, model.projection)
