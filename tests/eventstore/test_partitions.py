"""The usage log has one partition per day (UTC), created by the first writer that needs it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from eventstore.usage_batch import Batch, append_once
from infrastructure.database.connections import Connection, open_pipeline
from tests.eventstore.changes import rows, value
from tests.eventstore.pipelines import append
from tests.projections.usage.uses import used

pytestmark = pytest.mark.anyio

DAY = datetime(2031, 5, 17, 9, tzinfo=UTC)
PARTITIONS = "select relid::text from pg_partition_tree('usage_events') where isleaf order by 1"


def batch(producer: str, at: datetime, sequence: int = 1) -> Batch:
    return Batch(producer, sequence, at, [used("key_a", at), used("key_b", at)])


async def test_the_first_use_of_a_day_creates_its_partition(connection: Connection) -> None:
    for sequence, at in enumerate([DAY, DAY, DAY + timedelta(days=1)]):
        await append(connection, batch("p", at, sequence))
    assert await rows(connection, PARTITIONS) == [("usage_events_20310517",), ("usage_events_20310518",)]
    assert await value(connection, "select count(*) from usage_events") == 6
    assert await value(connection, "select head from lane_heads where head > 0") == 3


async def test_a_day_starts_at_midnight_utc(connection: Connection) -> None:
    midnight = DAY.replace(hour=0)
    for sequence, at in enumerate([midnight - timedelta(microseconds=1), midnight]):
        await append(connection, batch("p", at, sequence))
    found = await rows(connection, "select tableoid::regclass::text from usage_events group by 1 order by 1")
    assert found == [("usage_events_20310516",), ("usage_events_20310517",)]


async def test_several_processes_can_create_the_same_partition(database_url: str, connection: Connection) -> None:
    async def write(producer: str) -> None:
        async with await open_pipeline(database_url) as writer:
            for sequence in range(5):
                await append_once(writer, batch(producer, DAY + timedelta(days=sequence), sequence))

    await asyncio.gather(*[write(f"p{number}") for number in range(4)])
    assert len(await rows(connection, PARTITIONS)) == 5
    assert await value(connection, "select count(*) from usage_events") == 4 * 5 * 2
    sizes = await rows(connection, "select count(*) from usage_batches group by producer")
    assert sizes == [(5,)] * 4
