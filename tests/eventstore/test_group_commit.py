"""Group commit: every item gets one response, after the commit, and no item suffers from a failure of another."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest

from eventstore.errors import Overloaded
from eventstore.group_commit import BatchLimits, BatchResult, GroupCommit, ItemResult
from infrastructure.clock import now
from infrastructure.database.connections import Connection, open_pipeline
from infrastructure.database.errors import Unavailable
from infrastructure.database.pipeline import Pipeline
from tests.eventstore.changes import rows, value
from tests.eventstore.pipelines import selected
from tests.projections.usage.uses import used

pytestmark = pytest.mark.anyio


class PoisonError(Exception):
    pass


class Item(NamedTuple):
    name: str
    poison: bool = False
    recorded: bool = True
    tool: str | None = None


class Handler:
    """Reply with the name of each item and record the size of its batch; wait while `proceed` is cleared."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.entered = 0
        self.proceed = asyncio.Event()
        self.proceed.set()

    async def __call__(self, pipeline: Pipeline, items: Sequence[Item]) -> BatchResult[str]:
        await selected(pipeline, "1")
        self.entered += 1
        await self.proceed.wait()
        self.batches.append(len(items))
        at = now()
        if any(item.poison for item in items):
            raise PoisonError
        events = [used(item.name, at, mcp_id="mcp_a", tool=item.tool) for item in items]
        return BatchResult(
            at,
            [
                ItemResult(item.name, event if item.recorded else None)
                for item, event in zip(items, events, strict=True)
            ],
        )


def commit(
    url: str, handler: Handler, producer: str = "p", *, bounds: BatchLimits | None = None
) -> GroupCommit[Item, str]:
    """Return a group commit with two writers, the harder case, and long deadlines for a busy machine."""
    return GroupCommit(lambda: open_pipeline(url), handler, producer, writers=2, limits=bounds or generous())


def generous(batch_max: int = 512, waiting_max: int = 10_000) -> BatchLimits:
    return BatchLimits(batch_max, waiting_max, deadline_seconds=60)


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not done():  # noqa: ASYNC110 -- the condition has no event
            await asyncio.sleep(0.01)


async def test_concurrent_items_share_batches(database_url: str, connection: Connection) -> None:
    handler = Handler()
    async with commit(database_url, handler) as group:
        names = [f"key_{number}" for number in range(500)]
        assert await asyncio.gather(*[group.submit(Item(name)) for name in names]) == names
    assert len(handler.batches) < 10
    assert await value(connection, "select count(distinct key_id) from usage_events") == 500
    assert group.counters.items == 500


async def test_a_batch_is_limited_in_size(database_url: str) -> None:
    handler = Handler()
    async with commit(database_url, handler, bounds=generous(batch_max=7)) as group:
        await asyncio.gather(*[group.submit(Item("key")) for _ in range(50)])
    assert max(handler.batches) == 7


async def test_the_response_follows_the_commit(database_url: str, connection: Connection) -> None:
    async with commit(database_url, Handler()) as group:
        for number in range(20):
            await group.submit(Item(f"key_{number}"))
            assert await value(connection, "select count(*) from usage_events") == number + 1


async def test_an_item_with_nothing_to_record_gets_a_response(database_url: str, connection: Connection) -> None:
    async with commit(database_url, Handler()) as group:
        assert await group.submit(Item("silent", recorded=False)) == "silent"
    assert await value(connection, "select count(*) from usage_batches") == 0


async def test_an_item_that_fails_does_not_affect_others(database_url: str, connection: Connection) -> None:
    handler = Handler()
    async with commit(database_url, handler) as group:
        items = [Item(f"key_{number}", poison=number in {3, 40}) for number in range(64)]
        responses = await asyncio.gather(*[group.submit(item) for item in items], return_exceptions=True)
    for item, response in zip(items, responses, strict=True):
        assert isinstance(response, PoisonError) if item.poison else response == item.name
    # Each of the others is stored once, although their batches were split and processed again.
    assert await value(connection, "select count(*) from usage_events") == 62
    assert await value(connection, "select count(distinct key_id) from usage_events") == 62


async def test_an_event_that_cannot_be_stored_does_not_affect_others(database_url: str, connection: Connection) -> None:
    async with commit(database_url, Handler()) as group:
        items = [Item(f"key_{number}", tool="a\0b" if number == 5 else "a") for number in range(16)]
        responses = await asyncio.gather(*[group.submit(item) for item in items], return_exceptions=True)
    assert [isinstance(response, Exception) for response in responses] == [number == 5 for number in range(16)]
    assert await value(connection, "select count(*) from usage_events") == 15


async def test_a_caller_that_stops_waiting_does_not_affect_others(database_url: str, connection: Connection) -> None:
    handler = Handler()
    handler.proceed.clear()
    async with commit(database_url, handler) as group:
        waiting = [asyncio.create_task(group.submit(Item(f"key_{number}"))) for number in range(40)]
        await until(lambda: handler.entered > 0)
        for task in waiting[::2]:
            task.cancel()
        await asyncio.sleep(0)
        handler.proceed.set()
        responses = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(response, asyncio.CancelledError) for response in responses[::2])
    assert responses[1::2] == [f"key_{number}" for number in range(1, 40, 2)]
    # The cancelled items were already in progress: their uses are recorded as well, once.
    assert await value(connection, "select count(*) from usage_events") == 40


async def test_a_stop_answers_every_waiting_item(database_url: str, connection: Connection) -> None:
    handler = Handler()
    handler.proceed.clear()
    group = commit(database_url, handler, bounds=generous(batch_max=5))
    async with group:
        waiting = [asyncio.create_task(group.submit(Item(f"key_{number}"))) for number in range(60)]
        await until(lambda: handler.entered == 2)
        asyncio.get_running_loop().call_later(0.2, handler.proceed.set)
    assert all(task.done() for task in waiting)
    assert [task.result() for task in waiting] == [f"key_{number}" for number in range(60)]
    assert await value(connection, "select count(*) from usage_events") == 60


async def test_two_writers_write_to_separate_lanes_concurrently(database_url: str, connection: Connection) -> None:
    handler = Handler()
    handler.proceed.clear()
    async with commit(database_url, handler, bounds=generous(batch_max=4)) as group:
        waiting = [asyncio.create_task(group.submit(Item("key"))) for _ in range(8)]
        await until(lambda: handler.entered == 2)
        handler.proceed.set()
        await asyncio.gather(*waiting)
    found = await rows(connection, "select producer, lane, sequence, size from usage_batches order by 1")
    assert [(producer, sequence, size) for producer, _, sequence, size in found] == [("p-0", 1, 4), ("p-1", 1, 4)]
    assert found[0][1] != found[1][1]


async def test_a_caller_that_waits_too_long_is_refused_while_the_database_hangs(database_url: str) -> None:
    handler = Handler()
    handler.proceed.clear()
    loop = asyncio.get_running_loop()
    async with commit(database_url, handler, bounds=BatchLimits(deadline_seconds=0.5, batch_max=2)) as group:
        started = loop.time()
        responses = await asyncio.gather(*[group.submit(Item("key")) for _ in range(20)], return_exceptions=True)
        assert loop.time() - started < 10  # although the handler never proceeds
        assert all(isinstance(response, Unavailable) for response in responses)
        handler.proceed.set()
    async with commit(database_url, handler, "another") as group:
        assert await group.submit(Item("key")) == "key"


async def test_items_beyond_the_waiting_limit_are_refused(database_url: str) -> None:
    handler = Handler()
    handler.proceed.clear()
    async with commit(database_url, handler, bounds=generous(batch_max=1, waiting_max=3)) as group:
        waiting = [asyncio.create_task(group.submit(Item("key"))) for _ in range(2)]
        await until(lambda: handler.entered == 2)  # both writers are processing one
        waiting += [asyncio.create_task(group.submit(Item("key"))) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await group.submit(Item("key"))
        handler.proceed.set()
        assert await asyncio.gather(*waiting) == ["key"] * 5
    assert group.counters.rejected == 1


async def test_an_unreachable_database_is_unavailable(database_url: str) -> None:
    nowhere = database_url.replace("host=", "host=/nowhere")
    async with commit(nowhere, Handler(), bounds=BatchLimits(deadline_seconds=0.4)) as group:
        with pytest.raises(Unavailable):
            await group.submit(Item("key"))
    assert group.counters.failures >= 1
