"""Group commit processes the next batch after a deadline at any await, and after a batch that left something open."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import pytest

from eventstore.group_commit import BatchLimits, BatchResult, GroupCommit, ItemResult
from infrastructure.clock import now
from infrastructure.database.connections import Connection, open_pipeline
from infrastructure.database.errors import Unavailable
from infrastructure.database.pipeline import Pipeline
from tests.eventstore.changes import value
from tests.eventstore.pipelines import selected
from tests.eventstore.pools import wait_until_no_transaction_is_open
from tests.interrupting import (
    INTERRUPTING,
    Interruption,
    counting,
)
from tests.projections.usage.uses import used

pytestmark = INTERRUPTING

AWAITS_MIN = 10


class Clock:
    """The time of the event loop, which can leap forward as if the process had been suspended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        self._time, self._leapt = loop.time, 0.0
        monkeypatch.setattr(loop, "time", lambda: self._time() + self._leapt)

    def leap(self, seconds: float) -> None:
        self._leapt += seconds


DEADLINE_SECONDS = 60.0


async def submit_many(
    url: str,
    handler: Callable[[Pipeline, Sequence[str]], Awaitable[BatchResult[str]]],
    name: str,
    interruption: Interruption | None = None,
) -> list[object]:
    """Submit three items and, after their responses, three more to the same group commit."""
    bounds = BatchLimits(deadline_seconds=DEADLINE_SECONDS)
    group = GroupCommit[str, str](lambda: open_pipeline(url), handler, name, writers=1, limits=bounds)
    async with group:
        first = await asyncio.gather(*[group.submit(f"first_{n}") for n in range(3)], return_exceptions=True)
        if interruption is not None:
            interruption.stop()
        return [*first, *await asyncio.gather(*[group.submit(f"second_{n}") for n in range(3)])]


def _is_dispatcher(coroutine: Coroutine[Any, Any, Any]) -> bool:
    """Return whether this task writes batches; the other tasks have no deadline."""
    return str(getattr(coroutine, "__qualname__", "")).endswith("._dispatch")


async def recording(pipeline: Pipeline, items: Sequence[str]) -> BatchResult[str]:
    """Record each item after several round trips, so that a deadline can come between any two of them."""
    for text in ("1", "2", "3", "4", "5"):
        assert await selected(pipeline, text, "again") == [text, "again"]
    at = now()
    return BatchResult(at, [ItemResult(name, used(name, at)) for name in items])


async def test_group_commit_processes_the_next_batch_after_a_deadline_at_any_await(
    database_url: str,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    clock = Clock(monkeypatch)
    loop = asyncio.get_running_loop()
    responses: list[object] = []
    at = 0
    for at in range(1, 200):
        interruption = Interruption(at, "while it waits", lambda: clock.leap(2 * DEADLINE_SECONDS))
        loop.set_task_factory(counting(interruption, _is_dispatcher))
        responses = await submit_many(database_url, recording, f"round {at}", interruption)
        loop.set_task_factory(None)
        assert all(
            response == f"first_{n}" or isinstance(response, Unavailable) for n, response in enumerate(responses[:3])
        )
        assert responses[3:] == [f"second_{n}" for n in range(3)]
        if not interruption.passed:
            break
    assert responses[0] == "first_0", "every round was interrupted"
    assert at > AWAITS_MIN
    record_property("awaits of group commit at which its deadline came", at)
    assert await value(connection, "select count(*) - count(distinct event_id) from usage_events") == 0
    await wait_until_no_transaction_is_open(connection)


async def test_a_transaction_left_open_by_a_batch_does_not_affect_the_next(database_url: str) -> None:
    async def leaving_open(pipeline: Pipeline, items: Sequence[str]) -> BatchResult[str]:
        result = await recording(pipeline, items)
        if "first_0" in items:
            await pipeline.execute(b"begin")
            raise LookupError(items[0])
        return result

    responses = await submit_many(database_url, leaving_open, "open")
    assert [type(response) for response in responses[:3]] == [LookupError, str, str]
    assert responses[3:] == ["second_0", "second_1", "second_2"]


@pytest.mark.parametrize(
    "statements", [(b"set search_path to pg_catalog",), (b"set role none", b"set role keyledger_app")]
)
async def test_a_batch_replaces_a_connection_in_another_state(
    database_url: str, connection: Connection, statements: Sequence[bytes]
) -> None:
    done: list[bool] = []

    async def changing(pipeline: Pipeline, items: Sequence[str]) -> BatchResult[str]:
        if not done:
            done.append(True)
            for statement in statements:
                await pipeline.execute(statement)
        return await recording(pipeline, items)

    responses = await submit_many(database_url, changing, "changed")
    assert responses == [*[f"first_{n}" for n in range(3)], *[f"second_{n}" for n in range(3)]]
    assert await value(connection, "select count(*) from usage_events") == 6
