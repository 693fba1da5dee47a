"""The batch size of a projection adapts to the time that batches take."""

from collections.abc import Sequence
from math import inf

import psycopg
import pytest

from eventstore.reader import UsageBatch
from infrastructure.clock import now
from infrastructure.database.connections import Connection
from projections.engine.batch_size import AdaptiveBatchSize
from projections.engine.runner import AsyncProjection, run_projection
from projections.read_models.usage.apply import USAGE
from projections.read_models.usage.check import check_usage
from tests.projections.usage.uses import append, used

pytestmark = pytest.mark.anyio


class _Counted:
    """Apply uses with a batch size, and cancel pages of more than `batches_max` batches like the server would."""

    def __init__(self, batch_size: AdaptiveBatchSize, batches_max: int = 1_000) -> None:
        self.sizes: list[int] = []
        self._batches_max = batches_max
        self.follower = AsyncProjection("usage", 1, "usage", USAGE.read, self._apply, batch_size=batch_size)

    async def _apply(self, connection: Connection, page: Sequence[UsageBatch]) -> None:
        self.sizes.append(len(page))
        if len(page) > self._batches_max:
            raise psycopg.errors.QueryCanceled("canceling statement due to statement timeout")
        await USAGE.apply(connection, page)


async def _write(connection: Connection, batches: int) -> None:
    for _ in range(batches):
        await append(connection, "p", now(), [used("key_a", now())])


async def test_the_batch_size_doubles_while_pages_are_fast(connection: Connection) -> None:
    await _write(connection, 20)
    counted = _Counted(AdaptiveBatchSize(2, seconds=inf))
    await run_projection(connection, counted.follower, 30)
    assert counted.sizes == [2, 4, 8, 6]
    assert await check_usage(connection) == []


async def test_the_batch_size_is_unchanged_while_pages_are_slow(connection: Connection) -> None:
    await _write(connection, 6)
    counted = _Counted(AdaptiveBatchSize(2, seconds=0))
    await run_projection(connection, counted.follower, 30)
    assert counted.sizes == [2, 2, 2]


async def test_a_reduced_batch_size_is_kept_in_later_runs(connection: Connection) -> None:
    await _write(connection, 9)
    counted = _Counted(AdaptiveBatchSize(8, seconds=0), batches_max=3)
    await run_projection(connection, counted.follower, 30)
    assert counted.sizes == [8, 4, 2, 2, 2, 2, 1]
    await _write(connection, 4)
    counted.sizes.clear()
    await run_projection(connection, counted.follower, 30)
    assert counted.sizes == [2, 2]
    assert await check_usage(connection) == []


async def test_small_pages_do_not_increase_the_batch_size(connection: Connection) -> None:
    counted = _Counted(AdaptiveBatchSize(4, seconds=inf))
    for _ in range(3):
        await _write(connection, 1)
        await run_projection(connection, counted.follower, 30)
    await _write(connection, 9)
    counted.sizes.clear()
    await run_projection(connection, counted.follower, 30)
    assert counted.sizes == [4, 5]
