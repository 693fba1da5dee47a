"""Lanes in which a read model cannot continue, and the operator's command to skip the position.

A lane stops alone: its position and the reason are stored, the next run tries again, and the record is deleted when
that succeeds. Skipping the position permanently is a separate command. Its author and reason are stored.
"""

from datetime import datetime
from typing import NamedTuple

import structlog

from infrastructure.clock import now
from infrastructure.database.connections import Connection
from infrastructure.database.errors import StorageError
from infrastructure.database.statements import load


class _Queries(NamedTuple):
    stopped_put: bytes
    stopped_clear: bytes
    stopped_in: bytes
    stopped_live: bytes
    stopped_at: bytes
    skipped: bytes
    skip: bytes
    checkpoint_pass: bytes
    skips_all: bytes


_SQL = load(_Queries, __file__, "stopped_lanes.sql")
_log = structlog.get_logger(__name__)


class NotStoppedThere(StorageError):
    """The read model has not stopped at this position: nothing is skipped."""


class Stopped(NamedTuple):
    """A stopped lane. `position` cannot be applied to the live version of `projection`, at least since `since`."""

    projection: str
    version: int
    log: str
    lane: int
    position: int
    reason: str
    since: datetime


class SkippedPosition(NamedTuple):
    """A position that a read model skips. `problem`: why the lane stopped there. `reason`: why it is safe to skip."""

    projection: str
    log: str
    lane: int
    position: int
    problem: str
    reason: str
    by: str
    at: datetime


async def stopped_lanes(connection: Connection) -> list[Stopped]:
    """Return every stopped lane of every live read model, for readiness and metrics. Every role may call this."""
    cursor = await connection.execute(_SQL.stopped_live)
    return [Stopped(*row) for row in await cursor.fetchall()]


async def stopped_in(connection: Connection, projection: str, log: str, schema: str) -> set[int]:
    """Return the lanes of one version that had stopped at the last attempt."""
    cursor = await connection.execute(_SQL.stopped_in, (projection, log, schema))
    return {row[0] for row in await cursor.fetchall()}


async def record_stop(connection: Connection, projection: str, log: str, lane: int, schema: str, reason: str) -> None:
    await connection.execute(_SQL.stopped_put, (projection, log, lane, schema, reason, now()))


async def clear_stop(connection: Connection, projection: str, version: int, log: str, lane: int) -> None:
    await connection.execute(_SQL.stopped_clear, (projection, version, log, lane))


async def skipped_positions(connection: Connection, projection: str, log: str) -> dict[int, list[int]]:
    """Return the positions that every version of a read model skips: ascending, by lane."""
    positions: dict[int, list[int]] = {}
    cursor = await connection.execute(_SQL.skipped, (projection, log))
    for lane, position in await cursor.fetchall():
        positions.setdefault(lane, []).append(position)
    return positions


async def skips(connection: Connection) -> list[SkippedPosition]:
    """Return all skipped positions, oldest first."""
    cursor = await connection.execute(_SQL.skips_all)
    return [SkippedPosition(*row) for row in await cursor.fetchall()]


async def skip(
    connection: Connection, projection: str, log: str, lane: int, position: int, *, reason: str, by: str
) -> SkippedPosition:
    """Skip the position at which the live version has stopped. Raises `NotStoppedThere` for any other."""
    async with connection.transaction():
        row = await (await connection.execute(_SQL.stopped_at, (projection, log, lane))).fetchone()
        if row is None or row[2] is None or row[1] + 1 != position:
            raise NotStoppedThere
        version, before, problem = row
        skipped = SkippedPosition(projection, log, lane, position, problem, reason, by, now())
        await connection.execute(_SQL.skip, skipped)
        await connection.execute(_SQL.checkpoint_pass, (projection, version, log, lane, before))
        await clear_stop(connection, projection, version, log, lane)
    _log.warning("position_skipped", **skipped._asdict())
    return skipped
