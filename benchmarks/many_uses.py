"""Ten million uses over 90 days, in minutes: batches of the log by SQL, and the real projections on large pages.

A few thousand keys have most of the uses, and half a million keys have a few, as in an organization in which most
clients run now and then. Batches are small, as those of a service with some uses a second are.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zlib import crc32

from eventstore.lanes import LANES
from eventstore.queries import SQL as LOG
from infrastructure.database.connections import WORKER_ROLE, Connection, connect, pool
from infrastructure.database.statements import load
from projections.engine.readers import usage_reader
from projections.engine.runner import AsyncProjection
from projections.read_models.keys.last_used.model import READ_MODEL as KEYS_LAST_USED
from projections.read_models.usage.model import READ_MODEL as USAGE
from projections.read_models.usage.organization_hours.model import READ_MODEL as ORGANIZATION_HOURS
from workers.run_projections import run_concurrently

DAYS = 90
_PRODUCERS = [f"bench {number}" for number in range(4)]
_LANES = [crc32(producer.encode()) % LANES for producer in _PRODUCERS]
_EVENTS_OF_A_BATCH = 5.6
"""Four requests, of which two in five are accepted calls with an end."""

_WRITERS = 2
_PAGE_BATCHES, _PAGE_USES = 30_000, 150_000
_PROJECTED = (USAGE, ORGANIZATION_HOURS, KEYS_LAST_USED)


class _Queries(NamedTuple):
    popular_create: bytes
    popular_add: bytes
    popular_index: bytes
    window_add: bytes
    heads_set: bytes
    billed_add: bytes


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
    """Apply the projections that pages show, in pages that are larger than a worker's."""
    async with pool(url, role=WORKER_ROLE) as connections:
        for model in _PROJECTED:
            projection: AsyncProjection[Any] | None = model.projection
            if projection is None:
                raise LookupError(f"{model.name} does not follow a log")
            large = replace(projection, read=usage_reader(_PAGE_BATCHES, _PAGE_USES), batch_size=None)
            while (await run_concurrently(connections, large, 60)).unfinished:
                pass


async def _owner(url: str) -> Connection:
    connection = await connect(url, role=None)
    await connection.execute(b"set statement_timeout = 0")
    await connection.execute(b"set work_mem = '256MB'")
    return connection
