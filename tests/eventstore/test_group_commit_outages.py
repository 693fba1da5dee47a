"""Group commit while PostgreSQL is killed, silent or slow: each item gets one outcome, and each use is stored once."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest

from embedded.postgres import PostgreSQL
from eventstore import usage_batch
from eventstore.errors import UseUnconfirmed
from eventstore.group_commit import BatchLimits, BatchResult, GroupCommit, ItemResult
from infrastructure.clock import now
from infrastructure.database.connections import Connection, Timeouts, connect, open_pipeline
from infrastructure.database.errors import Unavailable
from infrastructure.database.pipeline import Pipeline
from infrastructure.database.prepared import PreparedStatement
from tests.eventstore.changes import rows, value
from tests.eventstore.cutting_proxy import Cut, cutting_proxy
from tests.eventstore.pipelines import append, selected
from tests.projections.usage.uses import used
from tests.workers.log_view import eventually

pytestmark = pytest.mark.anyio

USES = "select count(*) from usage_events"
SLOW = "slow"
SLEEP = PreparedStatement.of("sleep", b"select pg_sleep(3600)")


async def record_uses(pipeline: Pipeline, items: Sequence[str]) -> BatchResult[str]:
    """Reply with each item, and record it as the use of a key. The item `SLOW` makes the look-up slow."""
    await selected(pipeline, "1")
    if SLOW in items:
        await pipeline.run(SLEEP.call())
    at = now()
    return BatchResult(at, [ItemResult(name, used(name, at)) for name in items])


def group_commit(
    url: str, *, deadline_seconds: float = 60, batch_max: int = 512, timeouts: Timeouts | None = None
) -> GroupCommit[str, str]:
    limits = BatchLimits(batch_max, deadline_seconds=deadline_seconds)
    return GroupCommit(lambda: open_pipeline(url, timeouts=timeouts), record_uses, "p", limits=limits)


@pytest.fixture
async def partition(connection: Connection) -> None:
    """Create today's partition; without it, the first batch takes two attempts."""
    await append(connection, usage_batch.Batch("before", 1, now(), [used("before", now())]))


async def keys_in_log(connection: Connection) -> list[str]:
    return [key for (key,) in await rows(connection, "select key_id from usage_events where key_id <> 'before'")]


async def test_no_acknowledged_use_is_lost_when_postgresql_is_killed(postgres: PostgreSQL, database_url: str) -> None:
    """Kill every process of the server with SIGKILL in the middle of batches, and start it again."""
    responses: dict[str, object] = {}
    kills = 3

    async def submit(group: GroupCommit[str, str], client: int, is_over: asyncio.Event) -> None:
        number = 0
        while not is_over.is_set():
            name = f"key_{client}_{number}"
            number += 1
            try:
                responses[name] = await group.submit(name)
            except Unavailable as error:
                responses[name] = error
            await asyncio.sleep(0)

    is_over = asyncio.Event()
    async with group_commit(database_url, deadline_seconds=120) as group:
        clients = [asyncio.create_task(submit(group, client, is_over)) for client in range(8)]
        for _ in range(kills):
            before = len(responses)
            await eventually_more(responses, before + 100)
            # Not in another thread: the server ends with the thread that started it.
            postgres.kill()
            await asyncio.sleep(0.2)  # group commit tries to connect
            postgres.start()
        await eventually_more(responses, len(responses) + 100)
        is_over.set()
        await asyncio.gather(*clients)
    assert group.counters.reconnects >= kills
    async with await connect(database_url, role=None) as connection:
        stored = await keys_in_log(connection)
    acknowledged = {name for name, response in responses.items() if response == name}
    assert len(stored) == len(set(stored)), "no use is stored twice"
    assert acknowledged <= set(stored), "every acknowledged use is stored"
    assert len(acknowledged) > 100 * kills


async def eventually_more(responses: dict[str, object], count: int) -> None:
    async def are_there() -> bool:
        return len(responses) >= count

    await eventually(are_there)


async def test_a_silent_connection_is_broken_after_the_deadline(
    database_url: str, partition: None, connection: Connection
) -> None:
    """The append was sent, and neither a response nor the end of the connection arrives."""
    async with cutting_proxy(database_url) as proxy, group_commit(proxy.url, deadline_seconds=1.0) as group:
        await group.submit("first")
        proxy.cut_at(b"lost", Cut.WITHOUT_CLOSING)
        with pytest.raises(UseUnconfirmed):
            await group.submit("lost")
        async with asyncio.timeout(30):
            # A client retries until the writer has broken the connection.
            while True:
                with suppress(Unavailable):
                    assert await group.submit("next") == "next"
                    break
    assert proxy.cuts == 1
    stored = await keys_in_log(connection)
    assert stored.count("first") == 1
    assert stored.count("lost") <= 1
    assert "next" in stored


async def test_the_writer_survives_handlers_that_turn_the_end_of_their_batch_into_another_error(
    database_url: str, partition: None
) -> None:
    """As `asyncio.wait_for` of Python 3.11 can do."""

    async def handle(pipeline: Pipeline, items: Sequence[str]) -> BatchResult[str]:
        if SLOW in items:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                raise LookupError("converted") from None
        return await record_uses(pipeline, items)

    limits = BatchLimits(deadline_seconds=0.5)
    group = GroupCommit[str, str](lambda: open_pipeline(database_url), handle, "p", limits=limits)
    async with group:
        for _ in range(3):
            with pytest.raises(Unavailable):
                await group.submit(SLOW)
        async with asyncio.timeout(30):
            while True:
                with suppress(Unavailable):
                    assert await group.submit("next") == "next"
                    break
        assert not any(task.done() or task.cancelling() for task in group.tasks)


async def test_a_batch_whose_confirmation_is_lost_is_looked_up(
    database_url: str, partition: None, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[bool] = []
    look_up = usage_batch._is_in_log  # pyright: ignore[reportPrivateUsage]

    async def observed(pipeline: Pipeline, batch: usage_batch.Batch) -> bool:
        looked_up.append(await look_up(pipeline, batch))
        return looked_up[-1]

    monkeypatch.setattr(usage_batch, "_is_in_log", observed)
    async with cutting_proxy(database_url) as proxy, group_commit(proxy.url) as group:
        await group.submit("first")
        proxy.cut_at(b"lost", Cut.BEFORE_RESPONSE, lambda: _is_stored(connection, "lost"))
        assert await group.submit("lost") == "lost"
    assert looked_up == [True]
    assert sorted(await keys_in_log(connection)) == ["first", "lost"]


async def test_without_the_look_up_an_unconfirmed_batch_would_be_refused(
    database_url: str, partition: None, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def find_nothing(_pipeline: Pipeline, _batch: usage_batch.Batch) -> bool:
        return False

    monkeypatch.setattr(usage_batch, "_is_in_log", find_nothing)
    async with cutting_proxy(database_url) as proxy, group_commit(proxy.url) as group:
        await group.submit("first")
        proxy.cut_at(b"lost", Cut.BEFORE_RESPONSE, lambda: _is_stored(connection, "lost"))
        with pytest.raises(Exception, match="usage_batches"):
            await group.submit("lost")
    assert sorted(await keys_in_log(connection)) == ["first", "lost"], "the constraint still prevents a second copy"


async def _is_stored(connection: Connection, key_id: str) -> bool:
    return bool(await value(connection, "select count(*) from usage_events where key_id = %s", key_id))


async def test_a_statement_that_times_out_fails_its_items_and_no_others(
    database_url: str, connection: Connection
) -> None:
    async with group_commit(database_url, deadline_seconds=1.0, timeouts=Timeouts(statement=0.3)) as group:
        with pytest.raises(Unavailable):
            await group.submit(SLOW)
        assert group.counters.reconnects >= 1
        async with asyncio.timeout(30):
            while True:
                with suppress(Unavailable):
                    assert await group.submit("next") == "next"
                    break
    assert set(await keys_in_log(connection)) == {"next"}


async def test_the_first_batch_of_a_day_creates_its_partition(database_url: str, connection: Connection) -> None:
    partitions = "select count(*) from pg_partition_tree('usage_events') where isleaf"
    assert await value(connection, partitions) == 0
    async with group_commit(database_url) as group:
        assert await asyncio.gather(*[group.submit(f"key_{number}") for number in range(20)])
        assert group.counters.batches == 1
    assert await value(connection, partitions) == 1
    assert await value(connection, USES) == 20


class Failing:
    """A receiver with a defect in each of its methods, or in one of them."""

    def __init__(self, *methods: str) -> None:
        self._methods = methods
        self.outcome: object = None

    def done(self) -> bool:
        self._fail_in("done")
        return False

    def set_result(self, result: str, /) -> None:
        self._fail_in("set_result")
        self.outcome = result

    def set_exception(self, exception: Exception, /) -> None:
        self._fail_in("set_exception")
        self.outcome = exception

    def _fail_in(self, method: str) -> None:
        if method in self._methods:
            raise LookupError(method)


async def test_a_receiver_that_raises_does_not_affect_the_other_items(
    database_url: str, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    async with group_commit(database_url) as group:
        for number, method in enumerate(("done", "set_result")):
            group.enqueue(f"failing_{number}", Failing(method))
        futures = [asyncio.create_task(group.submit(f"key_{number}")) for number in range(10)]
        group.enqueue("failing_last", Failing("done", "set_result"))
        assert await asyncio.gather(*futures) == [f"key_{number}" for number in range(10)]
        assert group.counters.failures == 0
        assert await group.submit("next") == "next"
    assert await value(connection, USES) == 14, "the uses of the failing receivers were durable before"
    assert capsys.readouterr().out.count("receiver_failed") == 3


async def test_a_receiver_that_raises_does_not_keep_others_from_being_refused(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = database_url.replace("host=", "host=/nowhere")
    async with group_commit(nowhere, deadline_seconds=0.4) as group:
        group.enqueue("first", Failing("set_exception"))
        after = Failing()
        group.enqueue("second", after)
        with pytest.raises(Unavailable):
            await group.submit("key")
        assert isinstance(after.outcome, Unavailable)
        assert not any(task.done() for task in group.tasks)
    assert "receiver_failed" in capsys.readouterr().out
