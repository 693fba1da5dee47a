"""Group commit: everyone is answered once, after the commit, and nobody pays for another's trouble."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest

from eventstore.errors import Overloaded
from eventstore.group_commit import BatchLimits, BatchResult, GroupCommit, ItemResult
from infrastructure.clock import now
from infrastructure.database.connections import AUTH_ROLE, Connection, connect
from infrastructure.database.errors import Unavailable
from tests.eventstore.changes import rows, value
from tests.projections.usage.uses import used

pytestmark = pytest.mark.anyio


class Poisonous(Exception):
    pass


class Question(NamedTuple):
    name: str
    poison: bool = False
    recorded: bool = True
    tool: str | None = None


class Judge:
    """Answers with the name of the question and the number of its batch; waits at the gate while that is shut."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.entered = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, connection: Connection, questions: Sequence[Question]) -> BatchResult[str]:
        await connection.execute("select 1")
        self.entered += 1
        await self.gate.wait()
        self.batches.append(len(questions))
        at = now()
        if any(question.poison for question in questions):
            raise Poisonous
        events = [used(question.name, at, mcp_id="mcp_a", tool=question.tool) for question in questions]
        return BatchResult(
            at,
            [ItemResult(q.name, event if q.recorded else None) for q, event in zip(questions, events, strict=True)],
        )


def commit(
    url: str, judge: Judge, producer: str = "p", *, bounds: BatchLimits | None = None
) -> GroupCommit[Question, str]:
    """With two writers, which is the harder case, and with patience, which a busy machine needs."""
    return GroupCommit(lambda: connect(url, role=AUTH_ROLE), judge, producer, writers=2, limits=bounds or patient())


def patient(batch_max: int = 512, waiting_max: int = 10_000) -> BatchLimits:
    return BatchLimits(batch_max, waiting_max, deadline_seconds=60)


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not done():  # noqa: ASYNC110 -- what is waited for has no event of its own
            await asyncio.sleep(0.01)


async def test_those_who_ask_at_once_share_batches(database_url: str, connection: Connection) -> None:
    judge = Judge()
    async with commit(database_url, judge) as group:
        names = [f"key_{number}" for number in range(500)]
        assert await asyncio.gather(*[group.submit(Question(name)) for name in names]) == names
    assert len(judge.batches) < 10
    assert await value(connection, "select count(distinct key_id) from usage_events") == 500
    assert group.counters.items == 500


async def test_a_batch_has_its_limit(database_url: str) -> None:
    judge = Judge()
    async with commit(database_url, judge, bounds=patient(batch_max=7)) as group:
        await asyncio.gather(*[group.submit(Question("key")) for _ in range(50)])
    assert max(judge.batches) == 7


async def test_the_answer_comes_after_the_commit(database_url: str, connection: Connection) -> None:
    async with commit(database_url, Judge()) as group:
        for number in range(20):
            await group.submit(Question(f"key_{number}"))
            assert await value(connection, "select count(*) from usage_events") == number + 1


async def test_what_has_nothing_to_record_is_answered_too(database_url: str, connection: Connection) -> None:
    async with commit(database_url, Judge()) as group:
        assert await group.submit(Question("silent", recorded=False)) == "silent"
    assert await value(connection, "select count(*) from usage_batches") == 0


async def test_a_question_that_can_not_be_answered_fails_alone(database_url: str, connection: Connection) -> None:
    judge = Judge()
    async with commit(database_url, judge) as group:
        questions = [Question(f"key_{number}", poison=number in {3, 40}) for number in range(64)]
        answers = await asyncio.gather(*[group.submit(question) for question in questions], return_exceptions=True)
    for question, answer in zip(questions, answers, strict=True):
        assert isinstance(answer, Poisonous) if question.poison else answer == question.name
    # Each of the others once, although their batches were cut up and decided again.
    assert await value(connection, "select count(*) from usage_events") == 62
    assert await value(connection, "select count(distinct key_id) from usage_events") == 62


async def test_an_event_that_can_not_be_stored_fails_alone(database_url: str, connection: Connection) -> None:
    async with commit(database_url, Judge()) as group:
        questions = [Question(f"key_{number}", tool="a\0b" if number == 5 else "a") for number in range(16)]
        answers = await asyncio.gather(*[group.submit(question) for question in questions], return_exceptions=True)
    assert [isinstance(answer, Exception) for answer in answers] == [number == 5 for number in range(16)]
    assert await value(connection, "select count(*) from usage_events") == 15


async def test_whoever_stops_waiting_hurts_nobody(database_url: str, connection: Connection) -> None:
    judge = Judge()
    judge.gate.clear()
    async with commit(database_url, judge) as group:
        waiting = [asyncio.create_task(group.submit(Question(f"key_{number}"))) for number in range(40)]
        await until(lambda: judge.entered > 0)
        for task in waiting[::2]:
            task.cancel()
        await asyncio.sleep(0)
        judge.gate.set()
        answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(answer, asyncio.CancelledError) for answer in answers[::2])
    assert answers[1::2] == [f"key_{number}" for number in range(1, 40, 2)]
    # Whoever went was under way already: their uses are recorded as well, once.
    assert await value(connection, "select count(*) from usage_events") == 40


async def test_a_stop_answers_everyone_who_waits(database_url: str, connection: Connection) -> None:
    judge = Judge()
    judge.gate.clear()
    group = commit(database_url, judge, bounds=patient(batch_max=5))
    async with group:
        waiting = [asyncio.create_task(group.submit(Question(f"key_{number}"))) for number in range(60)]
        await until(lambda: judge.entered == 2)
        asyncio.get_running_loop().call_later(0.2, judge.gate.set)
    assert all(task.done() for task in waiting)
    assert [task.result() for task in waiting] == [f"key_{number}" for number in range(60)]
    assert await value(connection, "select count(*) from usage_events") == 60


async def test_two_writers_write_to_lanes_of_their_own_at_the_same_time(
    database_url: str, connection: Connection
) -> None:
    judge = Judge()
    judge.gate.clear()
    async with commit(database_url, judge, bounds=patient(batch_max=4)) as group:
        waiting = [asyncio.create_task(group.submit(Question("key"))) for _ in range(8)]
        await until(lambda: judge.entered == 2)
        judge.gate.set()
        await asyncio.gather(*waiting)
    found = await rows(connection, "select producer, lane, sequence, size from usage_batches order by 1")
    assert [(producer, sequence, size) for producer, _, sequence, size in found] == [("p-0", 1, 4), ("p-1", 1, 4)]
    assert found[0][1] != found[1][1]


async def test_whoever_waits_too_long_is_refused_though_the_database_hangs(database_url: str) -> None:
    judge = Judge()
    judge.gate.clear()
    loop = asyncio.get_running_loop()
    async with commit(database_url, judge, bounds=BatchLimits(deadline_seconds=0.5, batch_max=2)) as group:
        began = loop.time()
        answers = await asyncio.gather(*[group.submit(Question("key")) for _ in range(20)], return_exceptions=True)
        assert loop.time() - began < 10  # and the gate is shut for ever
        assert all(isinstance(answer, Unavailable) for answer in answers)
        judge.gate.set()
    async with commit(database_url, judge, "another") as group:
        assert await group.submit(Question("key")) == "key"


async def test_no_more_may_wait_than_the_bound(database_url: str) -> None:
    judge = Judge()
    judge.gate.clear()
    async with commit(database_url, judge, bounds=patient(batch_max=1, waiting_max=3)) as group:
        waiting = [asyncio.create_task(group.submit(Question("key"))) for _ in range(2)]
        await until(lambda: judge.entered == 2)  # both writers have one in hand
        waiting += [asyncio.create_task(group.submit(Question("key"))) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await group.submit(Question("key"))
        judge.gate.set()
        assert await asyncio.gather(*waiting) == ["key"] * 5
    assert group.counters.rejected == 1


async def test_a_database_that_can_not_be_reached_is_unavailable(database_url: str) -> None:
    nowhere = database_url.replace("host=", "host=/nowhere")
    async with commit(nowhere, Judge(), bounds=BatchLimits(deadline_seconds=0.4)) as group:
        with pytest.raises(Unavailable):
            await group.submit(Question("key"))
    assert group.counters.failures >= 1
