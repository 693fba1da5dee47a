"""I1: the positions of a lane are contiguous under concurrent writers. I5: readers see no position before its
predecessor.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count, islice

import psycopg
import pytest

from eventstore.lanes import LANES, lane_of
from eventstore.reader import PositionGap, read_lifecycle, read_usage_batches
from eventstore.usage_batch import Batch, append_once
from infrastructure.clock import now
from infrastructure.database.connections import WORKER_ROLE, Connection, Pool, connect, open_pipeline
from tests import seed
from tests.eventstore.changes import rename, rows, value
from tests.eventstore.pipelines import append
from tests.projections.usage.uses import used

pytestmark = pytest.mark.anyio

WRITERS = 8
EACH = 25


async def _write(connections: Pool, organization_id: str, number: int) -> None:
    key_id, _ = await seed.key(connections, organization_id)
    for change in range(EACH - 1):
        await rename(connections, organization_id, key_id, f"Writer {number}, change {change}")


async def test_positions_are_contiguous_under_concurrent_writers(connections: Pool, connection: Connection) -> None:
    organization_id = await seed.organization(connections, "enterprise")
    await asyncio.gather(*[_write(connections, organization_id, number) for number in range(WRITERS)])
    lane = lane_of(organization_id)
    positions = await rows(connection, "select position from events where lane = %s order by position", lane)
    assert [position for (position,) in positions] == list(range(1, WRITERS * EACH + 2))
    assert await value(connection, "select head from lane_heads where log = 'lifecycle' and lane = %s", lane) == len(
        positions
    )
    # I2 at the same time: in every stream the versions rise with the positions.
    streams = await rows(connection, "select stream_id, array_agg(version order by position) from events group by 1")
    assert all(versions == list(range(1, len(versions) + 1)) for _, versions in streams)


@asynccontextmanager
async def _watched(
    url: str, read: Callable[[Connection, int], Awaitable[int]], stop_at: int
) -> AsyncGenerator[list[int]]:
    """Read continuously, and yield the position after each read, until everything was read."""
    positions_read: list[int] = []

    async def watch() -> None:
        async with await connect(url, role=WORKER_ROLE) as reader:
            position = 0
            while position < stop_at:
                # Each read raises PositionGap unless it starts with the very next position.
                position += await read(reader, position)
                positions_read.append(position)

    watching = asyncio.create_task(watch())
    yield positions_read
    await asyncio.wait_for(watching, 30)


async def test_no_reader_sees_a_change_before_its_predecessor(database_url: str, connections: Pool) -> None:
    organization_id = await seed.organization(connections, "enterprise")
    lane = lane_of(organization_id)

    async def read(reader: Connection, after: int) -> int:
        return len(await read_lifecycle(reader, lane, after, 1_000))

    async with _watched(database_url, read, WRITERS * EACH + 1) as positions_read:
        await asyncio.gather(*[_write(connections, organization_id, number) for number in range(WRITERS)])
    # The reader must have read in between, or the test proves nothing.
    assert len(set(positions_read)) > 20


async def test_no_reader_sees_a_batch_of_uses_before_its_predecessor(database_url: str) -> None:
    lane, producers = _producers_of_one_lane()

    async def write(producer: str) -> None:
        async with await open_pipeline(database_url) as writer:
            for sequence in range(EACH):
                at = now()
                await append_once(writer, Batch(producer, sequence, at, [used("key_a", at), used("key_b", at)]))

    async def read(reader: Connection, after: int) -> int:
        return len(await read_usage_batches(reader, lane, after, 1_000))

    async with _watched(database_url, read, WRITERS * EACH) as positions_read:
        await asyncio.gather(*[write(producer) for producer in producers])
    assert len(set(positions_read)) > 20


def _producers_of_one_lane() -> tuple[int, list[str]]:
    """Return producers that happen to write to the same lane."""
    lane = Batch("0", 1, now(), []).lane
    names = (str(number) for number in count())
    return lane, list(islice((name for name in names if Batch(name, 1, now(), []).lane == lane), WRITERS))


async def test_uses_of_several_processes_in_one_lane_are_contiguous(connection: Connection, database_url: str) -> None:
    lane, producers = _producers_of_one_lane()

    async def write(producer: str) -> None:
        async with await open_pipeline(database_url) as writer:
            for sequence in range(EACH):
                await append_once(writer, Batch(producer, sequence, now(), [used("key_a", now())]))

    await asyncio.gather(*[write(producer) for producer in producers])
    batches = await read_usage_batches(connection, lane, 0, 1_000)
    assert [batch.batch_no for batch in batches] == list(range(1, WRITERS * EACH + 1))


@pytest.mark.parametrize("missing", [1, 2, 3])
async def test_a_reader_stops_at_a_gap(
    connections: Pool,
    connection: Connection,
    superuser: psycopg.AsyncConnection[tuple[object, ...]],
    missing: int,
) -> None:
    organization_id = await seed.organization(connections)
    for _ in range(3):
        await seed.key(connections, organization_id)
    lane = lane_of(organization_id)
    await superuser.execute("set session_replication_role = replica")
    await superuser.execute("delete from events where lane = %s and position = %s", (lane, missing))
    with pytest.raises(PositionGap, match=f"lifecycle lane {lane}: expected position {missing}, found {missing + 1}"):
        await read_lifecycle(connection, lane, missing - 1, 10)
    # A reader that starts after the gap does not see it; events before the gap can still be read.
    assert len(await read_lifecycle(connection, lane, missing, 10)) == 4 - missing
    if missing > 1:
        assert len(await read_lifecycle(connection, lane, 0, 10)) == missing - 1


async def test_a_reader_of_uses_stops_at_a_gap(
    connection: Connection, superuser: psycopg.AsyncConnection[tuple[object, ...]]
) -> None:
    lane = Batch("p", 1, now(), []).lane
    for sequence in range(3):
        await append(connection, Batch("p", sequence, now(), [used("key_a", now())]))
    await superuser.execute("set session_replication_role = replica")
    await superuser.execute("delete from usage_batches where batch_no = 2")
    assert [batch.batch_no for batch in await read_usage_batches(connection, lane, 0, 10)] == [1]
    with pytest.raises(PositionGap, match="expected position 2, found 3"):
        await read_usage_batches(connection, lane, 1, 10)


def test_the_lane_of_an_organization_never_changes() -> None:
    assert [lane_of(name) for name in ("org_a", "org_b", "org_c")] == [39, 33, 41]
    assert {lane_of(f"org_{number}") for number in range(2_000)} == set(range(LANES))
