"""Ten million uses over 90 days, in minutes: batches of the log by SQL, and the projections' own statements.

A few thousand keys have most of the uses, and half a million keys have a few, as in an organization in which most
clients run now and then. Batches are small, as those of a service with some uses a second are.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, NamedTuple
from zlib import crc32

from eventstore.lanes import LANES
from eventstore.queries import SQL as LOG
from eventstore.reader import UsageBatch
from infrastructure.database.connections import WORKER_ROLE, Connection, connect
from infrastructure.database.statements import load
from projections.engine.runner import AsyncProjection, ensure_checkpoints, run_projection
from projections.read_models.keys.last_used.follow import KEY_RECENCY
from projections.read_models.usage.apply import USAGE, count_page
from projections.read_models.usage.organization_batches.apply import ORGANIZATION_BATCHES
from projections.read_models.usage.organization_batches.queries import SQL as BATCHES_SQL
from projections.read_models.usage.organization_hours.apply import ORGANIZATION_HOURS
from projections.read_models.usage.organization_hours.queries import SQL as HOURS_SQL
from projections.read_models.usage.queries import SQL as USAGE_SQL

DAYS = 90
_PRODUCERS = [f"bench {number}" for number in range(4)]
_LANES = [crc32(producer.encode()) % LANES for producer in _PRODUCERS]
_EVENTS_OF_A_BATCH = 5.6
"""Four requests, of which two in five are accepted calls with an end."""

_WRITERS = 2
_SECONDS_AT_ONCE = 5.0
_COUNTED: tuple[Sequence[AsyncProjection[Any]], ...] = (
    (USAGE,),
    (ORGANIZATION_HOURS, ORGANIZATION_BATCHES, KEY_RECENCY),
)
"""What the pages show, in parts that are counted concurrently."""

_COUNTING = {
    USAGE.name: USAGE_SQL.usage_apply,
    ORGANIZATION_HOURS.name: HOURS_SQL.hours_apply,
    ORGANIZATION_BATCHES.name: BATCHES_SQL.batches_apply,
}
"""Statements of projections with pages of limited size. Writing the rows in many transactions takes much longer."""


class _Queries(NamedTuple):
    popular_create: bytes
    popular_add: bytes
    popular_index: bytes
    window_add: bytes
    heads_set: bytes
    billed_add: bytes
    lane_ends: bytes
    large_plan: bytes
    checkpoint_set: bytes


_SQL = load(_Queries, __file__, "many_uses.sql")


async def write_uses(
    url: str, organization_id: str, caller_id: str, mcps: Sequence[str], uses: int, end: datetime
) -> None:
    """Add about `uses` uses before `end` to the log of an organization with many keys. `caller_id` verifies them."""
    batches = round(uses / DAYS / _EVENTS_OF_A_BATCH / len(_LANES)) * len(_LANES)
    first = end - timedelta(days=DAYS)
    parameters = {
        "organization_id": organization_id,
        "caller": caller_id,
        "mcps": list(mcps),
        "batches": max(batches, len(_LANES)),
        "lanes": _LANES,
        "producers": _PRODUCERS,
    }
    async with await _owner(url) as connection:
        for day in range(DAYS + 2):
            await connection.execute(LOG.usage_partition_ensure, ((first + timedelta(days=day)).date(),))
    await asyncio.gather(*[_windows(url, first, parameters, range(turn, DAYS, _WRITERS)) for turn in range(_WRITERS)])
    async with await _owner(url) as connection:
        await connection.execute(_SQL.heads_set, (_LANES,))
        await connection.execute(_SQL.billed_add)
        await connection.execute(b"vacuum (analyze) usage_batches, usage_events")


async def _windows(url: str, first: datetime, parameters: dict[str, Any], days: Sequence[int]) -> None:
    async with await _owner(url) as connection:
        await connection.execute(_SQL.popular_create)
        await connection.execute(_SQL.popular_add, (parameters["organization_id"],))
        await connection.execute(_SQL.popular_index)
        await connection.execute(b"analyze popular_keys")
        cursor = await connection.execute(b"select count(*) from popular_keys")
        (keys,) = await cursor.fetchone() or (0,)
        for day in days:
            window = {"start": first + timedelta(days=day), "number": day, "keys": keys}
            await connection.execute(_SQL.window_add, {**parameters, **window})


async def count_uses(url: str) -> None:
    """Count the uses with the statements of the projections, each lane in one page, and advance the checkpoints."""
    await asyncio.gather(*[_apply(url, projections) for projections in _COUNTED])


async def count_later_uses(url: str) -> None:
    """Count the uses that were recorded since `count_uses`, as workers do."""
    async with await connect(url, role=WORKER_ROLE) as connection:
        for projection in chain(*_COUNTED):
            while (await run_projection(connection, projection, _SECONDS_AT_ONCE)).unfinished:
                pass


async def _apply(url: str, projections: Sequence[AsyncProjection[Any]]) -> None:
    async with await _owner(url) as connection:
        for projection in projections:
            await ensure_checkpoints(connection, projection)
            for lane in _LANES:
                await _apply_lane(connection, projection, lane)


async def _apply_lane(connection: Connection, projection: AsyncProjection[Any], lane: int) -> None:
    cursor = await connection.execute(_SQL.lane_ends, (lane,))
    ends = await cursor.fetchone()
    if ends is None:
        return
    first, since, last, until, uses = ends
    # A page is applied from its first to its last batch, so it does not have to name the others.
    page = [UsageBatch(lane, first, uses, since), UsageBatch(lane, last, 0, until)]
    async with connection.transaction():
        if projection.name in _COUNTING:
            await count_page(connection, page, _COUNTING[projection.name], _SQL.large_plan)
        else:
            await projection.apply(connection, page)
        await connection.execute(_SQL.checkpoint_set, (last, projection.name, lane))


async def _owner(url: str) -> Connection:
    connection = await connect(url, role=None)
    await connection.execute(b"set statement_timeout = 0")
    await connection.execute(b"set work_mem = '256MB'")
    return connection
