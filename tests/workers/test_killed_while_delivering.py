"""Who sends to webhooks is killed with `kill -9`: whoever comes next sends again, with the same id."""

import asyncio
import os
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from domain.alerts.events import AlertRaised
from eventstore.lanes import lane_of
from eventstore.reader import read_lifecycle
from infrastructure.database.connections import Pool
from tests import seed
from tests.app.serving import ROOT
from tests.waiting import stretched
from tests.workers.hooks import CONFIG, SETTINGS, webhook
from tests.workers.killed_at_steps import Wire, killed_at, wire_to
from tests.workers.receiver import Received, Receiver, receiver
from workers.jobs.deliver_webhooks import deliver
from workers.jobs.run_lifecycle_projections import prepare

pytestmark = pytest.mark.anyio

STEPS_MIN = 8
"""Fewer would mean that the wire counts something else."""
STEPS_MAX = 200


@pytest.fixture
def target() -> Iterator[Receiver]:
    with receiver() as taking:
        yield taking


@pytest.fixture
async def wire(database_url: str) -> AsyncIterator[Wire]:
    async with wire_to(database_url) as opened:
        yield opened


async def let_go(pool: Pool) -> None:
    """As if the time had passed for which a dead worker has claimed its messages."""
    async with pool.connection() as connection:
        await connection.execute(b"update webhook_deliveries set due_at = created_at where status = 'pending'")


async def deliveries(pool: Pool) -> dict[str, tuple[str, int]]:
    """Status and attempts that were begun, by the key that a message is about."""
    async with pool.connection() as connection:
        cursor = await connection.execute(b"select subject, status, attempts from webhook_deliveries")
        return {subject: (status, attempts) for subject, status, attempts in await cursor.fetchall()}


async def test_one_that_is_killed_while_the_receiver_thinks_leaves_the_message_to_the_next(
    connections: Pool, database_url: str, target: Receiver
) -> None:
    """The receiver has it and takes it on, and nobody has written that down."""
    organization_id = await seed.organization(connections)
    await webhook(connections, organization_id, target)
    key_id, _ = await seed.key(connections, organization_id)
    await prepare(connections)
    has_it, is_dead = threading.Event(), threading.Event()

    def think(_: Received) -> int:
        has_it.set()
        assert is_dead.wait(stretched(60))
        return 204

    target.answer = think
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from workers.jobs.deliver_webhooks import deliver_webhooks; deliver_webhooks()",
        cwd=ROOT,
        env={**os.environ, **SETTINGS, "DATABASE_URL": database_url, "REDIS_URL": "unix:///nowhere"},
    )
    try:
        assert await asyncio.to_thread(has_it.wait, stretched(60))
    finally:
        process.kill()
        await process.wait()
        is_dead.set()
    target.answer = lambda _: 204
    await deliver(connections, CONFIG)
    assert len(target.received) == 1, "the dead one has claimed it"
    await let_go(connections)
    await deliver(connections, CONFIG)
    first, second = target.received
    assert (first.id, first.body) == (second.id, second.body)
    assert (first.valid, second.valid) == (1, 1)
    assert await deliveries(connections) == {key_id: ("delivered", 2)}


async def test_each_message_arrives_under_one_id_wherever_a_worker_dies(
    connections: Pool, wire: Wire, target: Receiver, record_property: Callable[[str, object], None]
) -> None:
    """Two come next at once."""
    organization_id = await seed.organization(connections)
    await webhook(connections, organization_id, target)
    keys: set[str] = set()
    for step in range(1, STEPS_MAX):
        key_id, _ = await seed.key(connections, organization_id)
        keys.add(key_id)
        await prepare(connections)
        killed = await killed_at(wire, step, "deliver_webhooks", {**SETTINGS, "REDIS_URL": "unix:///nowhere"})
        await let_go(connections)
        await asyncio.gather(*[deliver(connections, CONFIG) for _ in range(2)])
        assert {status for status, _ in (await deliveries(connections)).values()} == {"delivered"}, step
        if not killed:
            break
    else:
        pytest.fail("it never ended by itself")
    ids = {(each.body["data"]["id"], each.id) for each in target.received}
    assert {key_id for key_id, _ in ids} == keys
    assert len(ids) == len(keys), "one id a message"
    assert all(each.valid == 1 for each in target.received)
    times = Counter(target.ids())
    assert set(times.values()) <= {1, 2}
    assert any(number == 2 for number in times.values()), "none was killed between the answer and writing it down"
    assert len(keys) > STEPS_MIN
    record_property("deliver_webhooks", f"killed before each of {len(keys) - 1} statements")


async def test_one_that_is_gone_is_disabled_wherever_a_worker_dies(
    connections: Pool, wire: Wire, target: Receiver, record_property: Callable[[str, object], None]
) -> None:
    """With nothing more to tell it: who comes next has only the message that was answered 410. Two come at once."""
    target.answer = lambda _: 410
    webhooks: dict[str, str] = {}
    for step in range(1, STEPS_MAX):
        organization_id = await seed.organization(connections)
        webhooks[await webhook(connections, organization_id, target)] = organization_id
        await seed.key(connections, organization_id)
        await prepare(connections)
        killed = await killed_at(wire, step, "deliver_webhooks", {**SETTINGS, "REDIS_URL": "unix:///nowhere"})
        await let_go(connections)
        await asyncio.gather(*[deliver(connections, CONFIG) for _ in range(2)])
        assert await disabled(connections) == set(webhooks), step
        if not killed:
            break
    else:
        pytest.fail("it never ended by itself")
    assert {status for status, _ in (await deliveries(connections)).values()} == {"failed"}
    assert await alerts(connections, set(webhooks.values())) == dict.fromkeys(webhooks, 1)
    assert len(webhooks) > STEPS_MIN
    record_property("deliver_webhooks answered 410", f"killed before each of {len(webhooks) - 1} statements")


async def disabled(pool: Pool) -> set[str]:
    async with pool.connection() as connection:
        cursor = await connection.execute(
            b"select webhook_id from webhook_list where status = 'disabled' and because = 'gone'"
        )
        return {webhook_id for (webhook_id,) in await cursor.fetchall()}


async def alerts(pool: Pool, organizations: set[str]) -> Counter[object]:
    """How many there are in the log about each webhook that was disabled."""
    async with pool.connection() as connection:
        recorded = [
            each
            for lane in {lane_of(organization_id) for organization_id in organizations}
            for each in await read_lifecycle(connection, lane, 0, 100_000)
        ]
    raised = [each.event for each in recorded if isinstance(each.event, AlertRaised)]
    return Counter(alert.numbers["webhook_id"] for alert in raised)
