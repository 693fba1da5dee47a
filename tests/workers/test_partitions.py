import pytest
from freezegun import freeze_time

from infrastructure.database.connections import Pool
from workers.jobs.create_partitions import ensure

pytestmark = pytest.mark.anyio


async def _partitions(pool: Pool) -> list[str]:
    async with pool.connection() as connection:
        cursor = await connection.execute(
            b"select inhrelid::regclass::text from pg_inherits where inhparent = 'usage_events'::regclass order by 1"
        )
        return [row[0] for row in await cursor.fetchall()]


async def test_partitions_exist_for_today_and_the_next_seven_days(connections: Pool) -> None:
    with freeze_time("2026-12-29 23:59:59", real_asyncio=True) as clock:
        await ensure(connections)
        week = [f"usage_events_{day}" for day in (20261229, 20261230, 20261231, *range(20270101, 20270106))]
        assert await _partitions(connections) == week
        clock.tick(1)
        await ensure(connections)
        await ensure(connections)
        assert await _partitions(connections) == [*week, "usage_events_20270106"]
