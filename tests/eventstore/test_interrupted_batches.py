"""A group commit that reaches its deadline at any await, or whose batch left something open, answers the next batch."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from eventstore.group_commit import BatchLimits, BatchResult, GroupCommit, ItemResult
from infrastructure.clock import now
from infrastructure.database.connections import AUTH_ROLE, Connection, connect
from infrastructure.database.errors import Unavailable
from tests.eventstore.changes import value
from tests.eventstore.pools import eventually_none_is_open
from tests.interrupting import (
    INTERRUPTING,
    Interruption,
    counting,
)
from tests.projections.usage.uses import used

pytestmark = INTERRUPTING

AWAITS_MIN = 10


class Clock:
    """The time of the event loop, which may leap as it does when the process stood still."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        self._time, self._leapt = loop.time, 0.0
        monkeypatch.setattr(loop, "time", lambda: self._time() + self._leapt)

    def leap(self, seconds: float) -> None:
        self._leapt += seconds


DEADLINE_SECONDS = 60.0


async def ask_many(
    url: str,
    judge: Callable[[Connection, Sequence[str]], Awaitable[BatchResult[str]]],
    name: str,
    interruption: Interruption | None = None,
) -> list[object]:
    """Three questions and, once those were answered or refused, three more to the same group commit."""
    bounds = BatchLimits(deadline_seconds=DEADLINE_SECONDS)
    group = GroupCommit[str, str](lambda: connect(url, role=AUTH_ROLE), judge, name, writers=1, limits=bounds)
    async with group:
        first = await asyncio.gather(*[group.submit(f"first_{n}") for n in range(3)], return_exceptions=True)
        if interruption is not None:
            interruption.stop()
        return [*first, *await asyncio.gather(*[group.submit(f"second_{n}") for n in range(3)])]


def _feeds(coroutine: Coroutine[Any, Any, Any]) -> bool:
    """The task that writes the batches; the others have no deadline."""
    return str(getattr(coroutine, "__qualname__", "")).endswith("._dispatch")


async def recording(connection: Connection, questions: Sequence[str]) -> BatchResult[str]:
    async with connection.pipeline():
        await connection.execute("select 1")
        await connection.execute("select 2")
    at = now()
    return BatchResult(at, [ItemResult(name, used(name, at)) for name in questions])


async def test_a_group_commit_that_reaches_its_deadline_at_any_await_answers_the_next_batch(
    database_url: str,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    clock = Clock(monkeypatch)
    loop = asyncio.get_running_loop()
    answers: list[object] = []
    at = 0
    for at in range(1, 200):
        interruption = Interruption(at, "while it waits", lambda: clock.leap(2 * DEADLINE_SECONDS))
        loop.set_task_factory(counting(interruption, _feeds))
        answers = await ask_many(database_url, recording, f"round {at}", interruption)
        loop.set_task_factory(None)
        assert all(answer == f"first_{n}" or isinstance(answer, Unavailable) for n, answer in enumerate(answers[:3]))
        assert answers[3:] == [f"second_{n}" for n in range(3)]
        if not interruption.passed:
            break
    assert answers[0] == "first_0", "it was never left alone"
    assert at > AWAITS_MIN
    record_property("awaits of group commit at which its deadline came", at)
    assert await value(connection, "select count(*) - count(distinct event_id) from usage_events") == 0
    await eventually_none_is_open(connection)


async def test_what_a_batch_left_open_costs_the_next_one_nothing(database_url: str) -> None:
    left: list[AbstractAsyncContextManager[Any]] = []  # dropped, it would end by itself

    async def leaving_open(connection: Connection, questions: Sequence[str]) -> BatchResult[str]:
        judged = await recording(connection, questions)
        if "first_0" in questions:
            left.append(connection.pipeline())
            await left[-1].__aenter__()
            raise LookupError(questions[0])
        return judged

    answers = await ask_many(database_url, leaving_open, "open")
    assert [type(answer) for answer in answers[:3]] == [LookupError, str, str]
    assert answers[3:] == ["second_0", "second_1", "second_2"]


@pytest.mark.parametrize("words", [b"set search_path to pg_catalog", b"set role none; set role keyledger_app"])
async def test_a_connection_that_a_batch_finds_otherwise_is_replaced_and_the_batch_is_answered(
    database_url: str, connection: Connection, words: bytes
) -> None:
    done: list[bool] = []

    async def changing(connection: Connection, questions: Sequence[str]) -> BatchResult[str]:
        if not done:
            done.append(True)
            await connection.execute(words)
        return await recording(connection, questions)

    answers = await ask_many(database_url, changing, "changed")
    assert answers == [*[f"first_{n}" for n in range(3)], *[f"second_{n}" for n in range(3)]]
    assert await value(connection, "select count(*) from usage_events") == 6
