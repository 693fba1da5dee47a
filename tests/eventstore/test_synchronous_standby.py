"""Nothing that was found on the primary is acknowledged before a synchronous standby has it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from eventstore.execute import Change, execute
from eventstore.group_commit import BatchLimits, BatchResult, GroupCommit, ItemResult
from eventstore.idempotency import IdempotentRequest, StoredResponse, claim, lock_for_connection
from eventstore.outcome import Attempt
from eventstore.settle import settle
from eventstore.usage_batch import Batch, append_once
from infrastructure.clock import now
from infrastructure.database.connections import (
    APP_ROLE,
    AUTH_ROLE,
    WORKER_ROLE,
    Role,
    connect,
    open_pipeline,
    pool,
)
from infrastructure.database.errors import UNAVAILABLE, Unconfirmed
from infrastructure.database.pipeline import Pipeline
from infrastructure.database.standbys import wait_for_standbys
from infrastructure.database.tenant import read_transaction, write_transaction
from projections.registry import INLINE
from tests import seed
from tests.eventstore.changes import renaming
from tests.eventstore.standby import Pair, synchronous_pair
from tests.projections.usage.uses import used
from tests.waiting import GENEROUS_TIMEOUTS

pytestmark = pytest.mark.anyio

REQUEST = IdempotentRequest(caller="key_a", key="once", fingerprint=b"the request")
USES = "select count(*) from usage_events"
NAMED_NEW = "select count(*) from key_list where name = 'New'"


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with synchronous_pair(tmp_path) as servers:
        yield servers


async def gate(pair: Pair) -> Pipeline:
    return await open_pipeline(pair.url, timeouts=GENEROUS_TIMEOUTS)


async def recording(_: Pipeline, items: Sequence[str]) -> BatchResult[str]:
    at = now()
    return BatchResult(at, [ItemResult(name, used(name, at)) for name in items])


async def test_a_use_that_only_the_primary_has_is_acknowledged_as_soon_as_the_standby_has_it(pair: Pair) -> None:
    limits = BatchLimits(deadline_seconds=60)
    async with GroupCommit[str, str](lambda: gate(pair), recording, "producer", limits=limits) as group:
        pair.lose_standby()
        answer = asyncio.create_task(group.submit("use"))
        await pair.end_waiting_session()
        # The second attempt finds the batch, and waits for the standby.
        await pair.waiting_session()
        assert await pair.count(USES) == 1
        assert not answer.done()
        pair.regain_standby()
        assert await answer == "use"
    await pair.fail_over()
    assert await pair.count(USES) == 1


async def test_a_use_that_only_the_primary_has_is_refused_at_the_deadline(pair: Pair) -> None:
    limits = BatchLimits(deadline_seconds=5)
    async with GroupCommit[str, str](lambda: gate(pair), recording, "producer", limits=limits) as group:
        pair.lose_standby()
        answer = asyncio.create_task(group.submit("use"))
        await pair.end_waiting_session()
        with pytest.raises(Unconfirmed):
            await answer
        assert await pair.count(USES) == 1
    await pair.fail_over()
    assert await pair.count(USES) == 0, "the control: the primary was the only one that had it"


async def test_an_attempt_that_overlaps_with_the_first_one_waits_for_the_standby_too(pair: Pair) -> None:
    at = now()
    batch = Batch("producer", 1, at, [used("use", at)])
    async with await gate(pair) as first, await gate(pair) as second:
        pair.lose_standby()
        unconfirmed = asyncio.create_task(append_once(first, batch))
        waiting = await pair.waiting_session()
        # The first attempt is not visible yet, so this one writes the batch again and waits for the lane.
        again = asyncio.create_task(append_once(second, batch))
        await pair.blocked_session()
        await pair.end_waiting_session()
        with pytest.raises(UNAVAILABLE):
            await unconfirmed
        assert await pair.waiting_session() != waiting
        assert not again.done()
        pair.regain_standby()
        await again
    await pair.fail_over()
    assert await pair.count(USES) == 1


async def test_a_repeated_request_is_answered_as_soon_as_the_standby_has_the_change(pair: Pair) -> None:
    async with pool(pair.url, timeouts=GENEROUS_TIMEOUTS) as connections:
        key = await _key(pair)
        pair.lose_standby()
        change = renaming(*key, "New", idempotency=REQUEST)
        first = asyncio.create_task(execute(connections, change, INLINE))
        await pair.end_waiting_session()
        with pytest.raises(Unconfirmed):
            await first
        assert await pair.count(NAMED_NEW) == 1
        refused = asyncio.create_task(execute(connections, change, INLINE))
        await pair.end_waiting_session()
        with pytest.raises(Unconfirmed):
            await refused
        repeated = asyncio.create_task(execute(connections, change, INLINE))
        await pair.waiting_session()
        assert not repeated.done()
        pair.regain_standby()
        assert await repeated == StoredResponse(200, b"New", 2)
    await pair.fail_over()
    assert await pair.count(NAMED_NEW) == 1


async def test_a_repeated_request_has_an_unknown_outcome_at_its_deadline(pair: Pair) -> None:
    async with pool(pair.url, timeouts=GENEROUS_TIMEOUTS) as connections:
        key = await _key(pair)
        await execute(connections, renaming(*key, "New", idempotency=REQUEST), INLINE)
        pair.lose_standby()
        attempt = Attempt()
        again = execute(connections, renaming(*key, "New", idempotency=REQUEST), INLINE, attempt)
        with pytest.raises(Unconfirmed):
            await settle(connections, key[0], attempt, again, timeout_seconds=1)


@pytest.mark.parametrize("name", ["New", "Deploy"])
async def test_a_change_that_is_looked_up_is_confirmed_as_soon_as_the_standby_has_it(pair: Pair, name: str) -> None:
    """The key is named Deploy already. That nothing had to change may also be known to the primary only."""
    async with pool(pair.url, timeouts=GENEROUS_TIMEOUTS) as connections:
        key = await _key(pair)
        pair.lose_standby()
        attempt = Attempt()
        change = execute(connections, renaming(*key, name, idempotency=REQUEST), INLINE, attempt)
        settled = asyncio.create_task(settle(connections, key[0], attempt, change, timeout_seconds=60))
        await pair.end_waiting_session()
        await pair.waiting_session()
        assert not settled.done()
        pair.regain_standby()
        assert isinstance(await settled, Change)
    await pair.fail_over()
    assert await pair.count("select count(*) from key_list where name = %s", name) == 1


async def test_the_response_to_work_of_several_transactions_is_repeated_when_the_standby_has_it(pair: Pair) -> None:
    organization_id, _ = await _key(pair)
    at = now()
    async with await connect(pair.url, organization_id=organization_id) as connection:
        await connection.execute(*REQUEST.store(StoredResponse(200, b"done"), at))
    async with await connect(pair.url, organization_id=organization_id) as connection:
        pair.lose_standby()
        earlier = asyncio.create_task(lock_for_connection(connection, REQUEST, at))
        await pair.waiting_session()
        assert not earlier.done()
        pair.regain_standby()
        assert await earlier == StoredResponse(200, b"done")


async def test_the_claim_of_a_call_is_repeated_when_the_standby_has_it(pair: Pair) -> None:
    async with pool(pair.url, timeouts=GENEROUS_TIMEOUTS) as connections:
        organization_id, _ = await _key(pair)
        at = now()

        async def claimed() -> object:
            async with write_transaction(connections, organization_id) as connection:
                return await claim(connection, REQUEST, "evt_1", at, at + timedelta(seconds=60))

        assert await claimed() is None
        pair.lose_standby()
        again = asyncio.create_task(claimed())
        await pair.waiting_session()
        assert not again.done()
        pair.regain_standby()
        assert await again is not None


@pytest.mark.parametrize("role", [APP_ROLE, AUTH_ROLE, WORKER_ROLE])
async def test_each_role_may_wait_for_the_standbys_and_holds_no_transaction_meanwhile(pair: Pair, role: Role) -> None:
    async with pool(pair.url, role=role, timeouts=GENEROUS_TIMEOUTS) as connections:
        pair.lose_standby()
        async with read_transaction(connections, "org_a") as connection:
            await connection.execute("select pg_advisory_xact_lock(1)")
            waiting = asyncio.create_task(wait_for_standbys(connection))
            await pair.waiting_session()
            assert await pair.count("select count(*) from pg_locks where locktype = 'advisory'") == 0
            pair.regain_standby()
            await waiting


async def _key(pair: Pair) -> tuple[str, str]:
    """Create an organization with a key that is named Deploy, and return the ids of both."""
    async with pool(pair.url, timeouts=GENEROUS_TIMEOUTS) as connections:
        organization_id = await seed.organization(connections)
        key_id, _ = await seed.key(connections, organization_id)
    return organization_id, key_id
