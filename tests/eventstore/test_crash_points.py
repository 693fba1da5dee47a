"""The connection is lost just before, during and just after a commit. Every acknowledged or retried change exists
exactly once.
"""

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
from infrastructure.database.connections import Connection, Pool, connect, open_pipeline, pool
from infrastructure.database.errors import Unavailable
from infrastructure.database.pipeline import Pipeline
from projections.registry import INLINE
from tests import seed
from tests.eventstore.changes import renaming, value
from tests.eventstore.cutting_proxy import Cut, Proxy, cutting_proxy
from tests.eventstore.pipelines import append, selected
from tests.eventstore.pools import wait_until_no_transaction_is_open
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


async def record_uses(pipeline: Pipeline, items: Sequence[str]) -> BatchResult[str]:
    """Reply with each item, and record it as the use of a key."""
    await selected(pipeline, "1")
    at = now()
    return BatchResult(at, [ItemResult(name, used(name, at)) for name in items])


@pytest.fixture
async def partition(connection: Connection) -> None:
    """Create today's partition; without it, the first batch takes two attempts."""
    await append(connection, Batch("before", 1, now(), [used("key_a", now())]))


async def test_a_batch_that_did_not_arrive_is_written_by_the_second_attempt(
    proxy: Proxy, partition: None, connection: Connection
) -> None:
    lost = batch()
    proxy.cut_at(b"insert into usage_batches", Cut.BEFORE_STATEMENT)
    async with await open_pipeline(proxy.url) as first:
        with pytest.raises(psycopg.OperationalError):
            await append_once(first, lost)
    assert lost.unconfirmed
    assert await value(connection, BATCHES) == 1
    async with await open_pipeline(proxy.url) as second:
        await append_once(second, lost)
    assert (await value(connection, BATCHES), await value(connection, USES)) == (2, 3)


async def test_a_committed_batch_whose_response_was_lost_is_not_written_again(
    proxy: Proxy, partition: None, connection: Connection
) -> None:
    lost = batch()

    async def is_committed() -> bool:
        return bool(await value(connection, BATCHES) == 2)

    proxy.cut_at(b"insert into usage_batches", Cut.BEFORE_RESPONSE, is_committed)
    async with await open_pipeline(proxy.url) as first:
        with pytest.raises(psycopg.OperationalError):
            await append_once(first, lost)
    async with await open_pipeline(proxy.url) as second:
        await append_once(second, lost)
        await append_once(second, lost)
    assert (proxy.cuts, await value(connection, BATCHES), await value(connection, USES)) == (1, 2, 3)


async def test_the_database_refuses_a_second_copy_of_a_batch(partition: None, connection: Connection) -> None:
    twice = batch()
    await append(connection, twice)
    # Pretend that the first attempt is not known to be unconfirmed: the constraint in the database is sufficient.
    twice.unconfirmed = False
    await append(connection, twice)
    assert (await value(connection, BATCHES), await value(connection, USES)) == (2, 3)


async def test_an_attempt_that_commits_during_its_retry_counts_once(
    database_url: str, partition: None, connection: Connection
) -> None:
    """The retry finds nothing, because the first attempt holds its lane and has not committed yet."""
    slow = batch()

    async def is_waiting() -> bool:
        return bool(await value(connection, "select count(*) from pg_locks where not granted"))

    async with await connect(database_url, role=None) as holder, await open_pipeline(database_url) as first:
        await holder.execute("begin")
        await holder.execute("select from lane_heads where log = 'usage' and lane = %s for update", (slow.lane,))
        attempt = asyncio.create_task(append_once(first, slow))
        await eventually(is_waiting)
        async with await open_pipeline(database_url) as other:
            second = asyncio.create_task(append_once(other, slow))
            await asyncio.sleep(0.1)
            await holder.execute("commit")
            await asyncio.gather(attempt, second)
    assert (await value(connection, BATCHES), await value(connection, USES)) == (2, 3)


async def test_group_commit_answers_every_item_despite_terminated_connections(
    database_url: str, superuser: psycopg.AsyncConnection[tuple[object, ...]], connection: Connection
) -> None:
    """Terminate backends continuously, at any statement: every item gets exactly one response."""

    group = GroupCommit[str, str](
        lambda: open_pipeline(database_url),
        record_uses,
        "terminated",
        limits=BatchLimits(batch_max=5, deadline_seconds=10),
    )
    mine = connection.info.backend_pid
    names = [f"key_{number}" for number in range(300)]

    async def terminate() -> int:
        terminated = 0
        while True:
            cursor = await superuser.execute(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                " where application_name = 'keyledger' and datname = current_database() and pid <> %s",
                (mine,),
            )
            row = await cursor.fetchone()
            terminated += int(str(row[0])) if row else 0
            if terminated > 30:
                return terminated
            await asyncio.sleep(0.02)

    async with group:
        terminating = asyncio.create_task(terminate())
        responses: list[str] = []
        for start in range(0, len(names), 20):
            responses += await asyncio.gather(*[group.submit(name) for name in names[start : start + 20]])
            await asyncio.sleep(0.01)
        terminating.cancel()
        await asyncio.gather(terminating, return_exceptions=True)
    assert responses == names
    assert await value(connection, "select count(distinct key_id) from usage_events") == len(names)
    assert await value(connection, USES) == len(names)


async def test_group_commit_answers_after_a_lost_commit_response(
    proxy: Proxy, partition: None, connection: Connection
) -> None:
    async def is_committed() -> bool:
        return bool(await value(connection, BATCHES) == 2)

    async with GroupCommit[str, str](lambda: open_pipeline(proxy.url), record_uses, "p", writers=1) as group:
        proxy.cut_at(b"insert into usage_batches", Cut.BEFORE_RESPONSE, is_committed)
        assert await asyncio.gather(group.submit("key_a"), group.submit("key_b")) == ["key_a", "key_b"]
        assert await group.submit("key_c") == "key_c"
    assert proxy.cuts == 1
    assert (await value(connection, BATCHES), await value(connection, USES)) == (3, 4)


REQUEST = IdempotentRequest("key_a", "once", sha256(b"rename").digest())


@pytest.fixture
async def proxied_pool(proxy: Proxy) -> AsyncIterator[Pool]:
    async with pool(proxy.url) as opened:
        yield opened


async def test_a_change_that_did_not_arrive_can_be_retried(
    proxy: Proxy, proxied_pool: Pool, connections: Pool, connection: Connection
) -> None:
    organization_id = await seed.organization(connections)
    key_id, _ = await seed.key(connections, organization_id)
    proxy.cut_at(b"events_append", Cut.BEFORE_STATEMENT)
    change = renaming(organization_id, key_id, "New", idempotency=REQUEST)
    with pytest.raises(Unavailable):
        await execute(proxied_pool, change, INLINE)
    assert await value(connection, "select name from key_list where key_id = %s", key_id) == "Deploy"
    assert isinstance(await execute(proxied_pool, change, INLINE), Change)
    assert await value(connection, "select version from streams where stream_id = %s", key_id) == 2


async def test_a_change_whose_response_was_lost_is_replayed_to_its_retry(
    proxy: Proxy, proxied_pool: Pool, connections: Pool, connection: Connection
) -> None:
    organization_id = await seed.organization(connections)
    key_id, _ = await seed.key(connections, organization_id)

    async def is_committed() -> bool:
        return bool(await value(connection, "select version from streams where stream_id = %s", key_id) == 2)

    proxy.cut_at(b"events_append", Cut.BEFORE_RESPONSE, is_committed)
    change = renaming(organization_id, key_id, "New", idempotency=REQUEST)
    with pytest.raises(Unavailable):
        await execute(proxied_pool, change, INLINE)
    assert proxy.cuts == 1
    assert await execute(proxied_pool, change, INLINE) == StoredResponse(200, b"New", 2)
    assert await value(connection, "select count(*) from events where stream_id = %s", key_id) == 2


@pytest.mark.parametrize(
    "substring", [b"select e.body from streams", b"stream_advance", b"insert into idempotency_keys"]
)
async def test_a_connection_lost_before_the_commit_leaves_no_trace(
    proxy: Proxy, proxied_pool: Pool, connections: Pool, connection: Connection, substring: bytes
) -> None:
    organization_id = await seed.organization(connections)
    key_id, _ = await seed.key(connections, organization_id)
    proxy.cut_at(substring, Cut.BEFORE_STATEMENT)
    change = renaming(organization_id, key_id, "New", idempotency=REQUEST)
    with pytest.raises(Unavailable):
        await execute(proxied_pool, change, INLINE)
    assert proxy.cuts == 1
    assert await value(connection, "select count(*) from idempotency_keys") == 0
    # PostgreSQL must first notice that the lost connection, which holds the claim, is gone.
    await wait_until_no_transaction_is_open(connection)
    assert isinstance(await execute(proxied_pool, change, INLINE), Change)
