"""A read model that is far behind is updated in several lanes concurrently."""

import random
from collections.abc import Sequence

import anyio
import pytest
from structlog.testing import capture_logs

from eventstore.reader import UsageBatch
from infrastructure.clock import now
from infrastructure.database.connections import Connection, Pool
from projections.engine.readers import usage_reader
from projections.engine.runner import AsyncProjection, lags
from projections.read_models.usage.apply import USAGE
from projections.read_models.usage.check import check_usage
from projections.registry import USAGE_PROJECTIONS
from tests.projections.usage.uses import append, some_of_everything, used
from tests.waiting import stretched
from workers.job_runner import WORK_SECONDS
from workers.run_projections import run_all, run_concurrently

pytestmark = pytest.mark.anyio

LANES = 4
BATCHES_EACH = 10
KEYS = [f"key_{number}" for number in range(30)]
PAGES_OF_TWO = usage_reader(2, 1_000)


async def _write(pool: Pool) -> None:
    dice = random.Random(1)  # noqa: S311 -- no secret
    async with pool.connection() as connection:
        for number in range(LANES * BATCHES_EACH):
            at = now()
            await append(connection, f"p{number % LANES}", at, some_of_everything(dice, KEYS, at, 20))


async def _behind(connection: Connection) -> int:
    return sum(lag.behind for lag in await lags(connection, USAGE))


async def test_two_lanes_are_applied_concurrently_and_each_use_is_counted_once(connections: Pool) -> None:
    await _write(connections)
    follower = AsyncProjection("usage", 1, "usage", PAGES_OF_TWO, USAGE.apply)
    with anyio.fail_after(stretched(30)):
        while (await run_concurrently(connections, follower, 1)).unfinished:
            pass
    async with connections.connection() as connection:
        assert await _behind(connection) == 0
        assert await check_usage(connection) == []


async def test_a_read_model_far_behind_gets_a_second_runner(connections: Pool) -> None:
    await _write(connections)
    both_running = anyio.Event()
    lanes_started: list[int] = []

    async def wait_for_both(_connection: Connection, page: Sequence[UsageBatch]) -> None:
        lanes_started.append(page[0].lane)
        if len(lanes_started) == 1:
            await anyio.sleep(WORK_SECONDS)  # the time is over, and much is left
            return
        if len(lanes_started) == 3:
            both_running.set()
        with anyio.fail_after(stretched(5)):
            await both_running.wait()

    await run_all(connections, [AsyncProjection("usage", 1, "usage", PAGES_OF_TWO, wait_for_both)])
    first, second = lanes_started[1:3]
    assert first != second


async def test_a_stopped_lane_is_logged_once_per_read_model(connections: Pool, owner: Connection) -> None:
    lane = 0
    async with connections.connection() as connection:
        for _ in range(3):
            lane = await append(connection, "p", now(), [used("key_a", now())])
    await owner.execute(b"delete from usage_batches where batch_no = 2")
    with capture_logs() as lines:
        await run_all(connections, USAGE_PROJECTIONS)
        await run_all(connections, USAGE_PROJECTIONS)  # a second run later, there is nothing new
    where = {
        "event": "lane_stopped",
        "log_level": "error",
        "log": "usage",
        "lane": lane,
        "reason": f"usage lane {lane}: expected position 2, found 3",
    }
    # Read models take turns, so their order varies.
    assert sorted(lines, key=lambda line: line["projection"]) == sorted(
        [{**where, "projection": each.name} for each in USAGE_PROJECTIONS], key=lambda line: line["projection"]
    )
