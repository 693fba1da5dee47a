"""The connection is lost right before, during and right after a commit: what was acknowledged is there once, and so is
what was tried again."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from hashlib import sha256

import psycopg
import pytest

from eventstore.execute import Change, execute
from eventstore.group_commit import BatchLimits, BatchResult, GroupCommit, ItemResult
from eventstore.idempotency import IdempotentRequest, StoredResponse
from eventstore.usage_batch import Batch, append_once
from infrastructure.clock import now
from infrastructure.database.connections import AUTH_ROLE, Connection, Pool, connect, pool
from infrastructure.database.errors import Unavailable
from projections.registry import INLINE
from tests import seed
from tests.eventstore.changes import renaming, value
from tests.eventstore.cutting_proxy import Cut, Proxy, cutting_proxy
from tests.eventstore.pools import eventually_none_is_open
from tests.projections.usage.uses import used
from tests.workers.log_view import eventually

pytestmark = pytest.mark.anyio

BATCHES = "select count(*) from usage_batches"
USES = "select count(*) from usage_events"


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[Proxy]:
    async with cutting_proxy(database_url) as opened:
        yield opened


def batch(sequence: int = 1) -> Batch:
    return Batch("p", sequence, now(), [used("key_a", now()), used("key_b", now())])


async def judge(connection: Connection, questions: Sequence[str]) -> BatchResult[str]:
    """Answers with the question, and records it as the use of a key."""
    await connection.execute("select 1")
    at = now()
    return BatchResult(at, [ItemResult(name, used(name, at)) for name in questions])


@pytest.fixture
async def partition(connection: Connection) -> None:
    """Of today: without it the first batch is written in two attempts."""
    await append_once(connection, Batch("before", 1, now(), [used("key_a", now())]))


async def test_a_batch_that_never_arrived_is_written_by_the_second_attempt(
    proxy: Proxy, partition: None, connection: Connection
) -> None:
    lost = batch()
    proxy.cut_at(b"insert into usage_batches", Cut.BEFORE_IT_ARRIVES)
    async with await connect(proxy.url, role=AUTH_ROLE) as first:
        with pytest.raises(psycopg.OperationalError):
            await append_once(first, lost)
    assert lost.unconfirmed
    assert await value(connection, BATCHES) == 1
    async with await connect(proxy.url, role=AUTH_ROLE) as second:
        await append_once(second, lost)
    assert (await value(connection, BATCHES), await value(connection, USES)) == (2, 3)


async def test_a_batch_whose_answer_was_lost_is_found_and_not_written_again(
    proxy: Proxy, partition: None, connection: Connection
) -> None:
    lost = batch()

    async def is_committed() -> bool:
        return bool(await value(connection, BATCHES) == 2)

    proxy.cut_at(b"insert into usage_batches", Cut.BEFORE_THE_ANSWER, is_committed)
    async with await connect(proxy.url, role=AUTH_ROLE) as first:
        with pytest.raises(psycopg.OperationalError):
            await append_once(first, lost)
    async with await connect(proxy.url, role=AUTH_ROLE) as second:
        await append_once(second, lost)
        await append_once(second, lost)
    assert (proxy.cuts, await value(connection, BATCHES), await value(connection, USES)) == (1, 2, 3)


async def test_without_the_look_the_second_attempt_would_be_refused_and_not_doubled(
    partition: None, connection: Connection
) -> None:
    twice = batch()
    await append_once(connection, twice)
    # As if the first attempt had not been known to be unconfirmed: the database itself says no, and that is enough.
    twice.unconfirmed = False
    await append_once(connection, twice)
    assert (await value(connection, BATCHES), await value(connection, USES)) == (2, 3)


async def test_a_first_attempt_that_commits_during_the_second_counts_once(
    database_url: str, partition: None, connection: Connection
) -> None:
    """The look finds nothing, because the first attempt holds its lane and has not committed yet."""
    slow = batch()

    async def is_waiting() -> bool:
        return bool(await value(connection, "select count(*) from pg_locks where not granted"))

    async with await connect(database_url, role=None) as holder, await connect(database_url, role=AUTH_ROLE) as first:
        await holder.execute("begin")
        await holder.execute("select from lane_heads where log = 'usage' and lane = %s for update", (slow.lane,))
        attempt = asyncio.create_task(append_once(first, slow))
        await eventually(is_waiting)
        async with await connect(database_url, role=AUTH_ROLE) as other:
            second = asyncio.create_task(append_once(other, slow))
            await asyncio.sleep(0.1)
            await holder.execute("commit")
            await asyncio.gather(attempt, second)
    assert (await value(connection, BATCHES), await value(connection, USES)) == (2, 3)


async def test_terminated_connections_cost_a_group_commit_no_answer(
    database_url: str, superuser: psycopg.AsyncConnection[tuple[object, ...]], connection: Connection
) -> None:
    """Backends are terminated all the time, at whatever statement they are: everyone is answered, once."""

    group = GroupCommit[str, str](
        lambda: connect(database_url, role=AUTH_ROLE),
        judge,
        "terminated",
        limits=BatchLimits(batch_max=5, deadline_seconds=10),
    )
    mine = connection.info.backend_pid
    names = [f"key_{number}" for number in range(300)]

    async def terminate() -> int:
        killed = 0
        while True:
            cursor = await superuser.execute(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                " where application_name = 'keyledger' and datname = current_database() and pid <> %s",
                (mine,),
            )
            row = await cursor.fetchone()
            killed += int(str(row[0])) if row else 0
            if killed > 30:
                return killed
            await asyncio.sleep(0.02)

    async with group:
        terminating = asyncio.create_task(terminate())
        answers: list[str] = []
        for start in range(0, len(names), 20):
            answers += await asyncio.gather(*[group.submit(name) for name in names[start : start + 20]])
            await asyncio.sleep(0.01)
        terminating.cancel()
        await asyncio.gather(terminating, return_exceptions=True)
    assert answers == names
    assert await value(connection, "select count(distinct key_id) from usage_events") == len(names)
    assert await value(connection, USES) == len(names)


async def test_a_group_commit_answers_though_the_answer_of_its_commit_was_lost(
    proxy: Proxy, partition: None, connection: Connection
) -> None:
    async def is_committed() -> bool:
        return bool(await value(connection, BATCHES) == 2)

    async with GroupCommit[str, str](lambda: connect(proxy.url, role=AUTH_ROLE), judge, "p", writers=1) as group:
        proxy.cut_at(b"insert into usage_batches", Cut.BEFORE_THE_ANSWER, is_committed)
        assert await asyncio.gather(group.submit("key_a"), group.submit("key_b")) == ["key_a", "key_b"]
        assert await group.submit("key_c") == "key_c"
    assert proxy.cuts == 1
    assert (await value(connection, BATCHES), await value(connection, USES)) == (3, 4)


REQUEST = IdempotentRequest("key_a", "once", sha256(b"rename").digest())


@pytest.fixture
async def through(proxy: Proxy) -> AsyncIterator[Pool]:
    async with pool(proxy.url) as opened:
        yield opened


async def test_a_change_that_never_arrived_is_not_made_and_can_be_asked_for_again(
    proxy: Proxy, through: Pool, connections: Pool, connection: Connection
) -> None:
    organization_id = await seed.organization(connections)
    key_id, _ = await seed.key(connections, organization_id)
    proxy.cut_at(b"events_append", Cut.BEFORE_IT_ARRIVES)
    change = renaming(organization_id, key_id, "New", idempotency=REQUEST)
    with pytest.raises(Unavailable):
        await execute(through, change, INLINE)
    assert await value(connection, "select name from key_list where key_id = %s", key_id) == "Deploy"
    assert isinstance(await execute(through, change, INLINE), Change)
    assert await value(connection, "select version from streams where stream_id = %s", key_id) == 2


async def test_a_change_whose_answer_was_lost_is_made_once_and_its_repeat_is_answered(
    proxy: Proxy, through: Pool, connections: Pool, connection: Connection
) -> None:
    organization_id = await seed.organization(connections)
    key_id, _ = await seed.key(connections, organization_id)

    async def is_committed() -> bool:
        return bool(await value(connection, "select version from streams where stream_id = %s", key_id) == 2)

    proxy.cut_at(b"events_append", Cut.BEFORE_THE_ANSWER, is_committed)
    change = renaming(organization_id, key_id, "New", idempotency=REQUEST)
    with pytest.raises(Unavailable):
        await execute(through, change, INLINE)
    assert proxy.cuts == 1
    assert await execute(through, change, INLINE) == StoredResponse(200, b"New", 2)
    assert await value(connection, "select count(*) from events where stream_id = %s", key_id) == 2


@pytest.mark.parametrize("words", [b"select e.body from streams", b"stream_advance", b"insert into idempotency_keys"])
async def test_a_connection_that_is_lost_earlier_leaves_no_trace(
    proxy: Proxy, through: Pool, connections: Pool, connection: Connection, words: bytes
) -> None:
    organization_id = await seed.organization(connections)
    key_id, _ = await seed.key(connections, organization_id)
    proxy.cut_at(words, Cut.BEFORE_IT_ARRIVES)
    change = renaming(organization_id, key_id, "New", idempotency=REQUEST)
    with pytest.raises(Unavailable):
        await execute(through, change, INLINE)
    assert proxy.cuts == 1
    assert await value(connection, "select count(*) from idempotency_keys") == 0
    # PostgreSQL has to notice that the lost connection, which holds the claim, is gone.
    await eventually_none_is_open(connection)
    assert isinstance(await execute(through, change, INLINE), Change)
