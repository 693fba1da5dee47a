import random
import signal
import time
from datetime import timedelta
from os import kill

import anyio
import pytest

from infrastructure.clock import now
from infrastructure.database.connections import Pool
from projections.read_models.usage.check import check_usage
from tests.process_tree import children_of
from tests.projections.usage.uses import append, some_of_everything
from tests.waiting import stretched
from tests.workers.conftest import Start
from tests.workers.log_view import eventually, is_running, number
from workers.schedule import ISOLATED_QUEUES

pytestmark = pytest.mark.anyio

KEYS = [f"key_{number}" for number in range(20)]
KILLS = 12
BATCHES = 300
BATCH_SIZE = 60


async def test_every_use_is_counted_once_while_workers_are_killed(connections: Pool, start: Start) -> None:
    pool = start("run", workers=2)
    start("schedule")
    dice = random.Random(7)  # noqa: S311
    kills = 0
    written = anyio.Event()

    async def write() -> None:
        async with connections.connection() as connection:
            for batch in range(BATCHES):
                at = now() - timedelta(hours=batch % 3)  # some uses are late
                await append(connection, f"p{batch % 5}", at, some_of_everything(dice, KEYS, at, BATCH_SIZE))
                await anyio.sleep(0.01)
        written.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write)
        deadline = time.monotonic() + stretched(60)
        while kills < KILLS or not written.is_set():
            assert time.monotonic() < deadline
            await anyio.sleep(dice.uniform(0.1, 0.7))
            for child in children_of(pool.pid):
                kill(child, signal.SIGKILL)
                kills += 1

    async def everything_is_counted() -> bool:
        async with connections.connection() as connection:
            assert await check_usage(connection) == []
            counted = await number(connection, b"select sum(events)::bigint from usage_counts")
            assert await number(connection, b"select count(*) from usage_events") == BATCHES * BATCH_SIZE
            return counted == BATCHES * BATCH_SIZE

    await eventually(everything_is_counted, seconds=30)


async def test_workers_end_after_their_pool_was_killed(start: Start) -> None:
    pool = start("run", workers=2)

    async def all_run() -> bool:
        return len(children_of(pool.pid)) == 2 + len(ISOLATED_QUEUES)

    await eventually(all_run)
    workers = children_of(pool.pid)
    await anyio.sleep(1)
    pool.kill()

    async def all_are_gone() -> bool:
        return not any(map(is_running, workers))

    await eventually(all_are_gone)
