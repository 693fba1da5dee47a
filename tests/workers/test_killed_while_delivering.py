"""The webhook delivery is killed with `kill -9`: the next run sends the message again, with the same id."""

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
from tests.workers.killed_at_steps import StepProxy, killed_at, step_proxy
from tests.workers.receiver import Received, Receiver, receiver
from workers.jobs.deliver_webhooks import deliver
from workers.jobs.run_lifecycle_projections import prepare

pytestmark = pytest.mark.anyio

STEPS_MIN = 8
"""A lower count would mean that the proxy counts the wrong messages."""
STEPS_MAX = 200


@pytest.fixture
def target() -> Iterator[Receiver]:
    with receiver() as opened:
        yield opened


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[StepProxy]:
    async with step_proxy(database_url) as opened:
        yield opened


async def expire_claims(pool: Pool) -> None:
    """Simulate the end of the period for which a dead worker claimed its messages."""
    async with pool.connection() as connection:
        await connection.execute(b"update webhook_deliveries set due_at = created_at where status = 'pending'")


async def deliveries(pool: Pool) -> dict[str, tuple[str, int]]:
    """Return the status and the number of started attempts by the key that a message is about."""
    async with pool.connection() as connection:
        cursor = await connection.execute(b"select subject, status, attempts from webhook_deliveries")
        return {subject: (status, attempts) for subject, status, attempts in await cursor.fetchall()}


async def test_a_message_is_sent_again_if_the_worker_died_during_the_response(
    connections: Pool, database_url: str, target: Receiver
) -> None:
    """The receiver has the message and accepts it, but no worker has recorded that."""
    organization_id = await seed.organization(connections)
    await webhook(connections, organization_id, target)
    key_id, _ = await seed.key(connections, organization_id)
    await prepare(connections)
    has_arrived, is_dead = threading.Event(), threading.Event()

    def respond_late(_: Received) -> int:
        has_arrived.set()
        assert is_dead.wait(stretched(60))
        return 204

    target.answer = respond_late
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from workers.jobs.deliver_webhooks import deliver_webhooks; deliver_webhooks()",
        cwd=ROOT,
        env={**os.environ, **SETTINGS, "DATABASE_URL": database_url, "REDIS_URL": "unix:///nowhere"},
    )
    try:
        assert await asyncio.to_thread(has_arrived.wait, stretched(60))
    finally:
        process.kill()
        await process.wait()
        is_dead.set()
    target.answer = lambda _: 204
    await deliver(connections, CONFIG)
    assert len(target.received) == 1, "the dead worker has claimed it"
    await expire_claims(connections)
    await deliver(connections, CONFIG)
    first, second = target.received
    assert (first.id, first.body) == (second.id, second.body)
    assert (first.valid, second.valid) == (1, 1)
    assert await deliveries(connections) == {key_id: ("delivered", 2)}


async def test_each_message_arrives_under_one_id_after_a_kill_at_any_step(
    connections: Pool, proxy: StepProxy, target: Receiver, record_property: Callable[[str, object], None]
) -> None:
    """Two workers run concurrently afterwards."""
    organization_id = await seed.organization(connections)
    await webhook(connections, organization_id, target)
    keys: set[str] = set()
    for step in range(1, STEPS_MAX):
        key_id, _ = await seed.key(connections, organization_id)
        keys.add(key_id)
        await prepare(connections)
        killed = await killed_at(proxy, step, "deliver_webhooks", {**SETTINGS, "REDIS_URL": "unix:///nowhere"})
        await expire_claims(connections)
        await asyncio.gather(*[deliver(connections, CONFIG) for _ in range(2)])
        assert {status for status, _ in (await deliveries(connections)).values()} == {"delivered"}, step
        if not killed:
            break
    else:
        pytest.fail("the job was killed in every attempt")
    ids = {(each.body["data"]["id"], each.id) for each in target.received}
    assert {key_id for key_id, _ in ids} == keys
    assert len(ids) == len(keys), "one id per message"
    assert all(each.valid == 1 for each in target.received)
    times = Counter(target.ids())
    assert set(times.values()) <= {1, 2}
    assert any(number == 2 for number in times.values()), "no kill was between the response and its record"
    assert len(keys) > STEPS_MIN
    record_property("deliver_webhooks", f"killed before each of {len(keys) - 1} statements")


async def test_a_webhook_that_is_gone_is_disabled_after_a_kill_at_any_step(
    connections: Pool, proxy: StepProxy, target: Receiver, record_property: Callable[[str, object], None]
) -> None:
    """No further message exists: the next run has only the message that got a 410. Two workers run concurrently."""
    target.answer = lambda _: 410
    webhooks: dict[str, str] = {}
    for step in range(1, STEPS_MAX):
        organization_id = await seed.organization(connections)
        webhooks[await webhook(connections, organization_id, target)] = organization_id
        await seed.key(connections, organization_id)
        await prepare(connections)
        killed = await killed_at(proxy, step, "deliver_webhooks", {**SETTINGS, "REDIS_URL": "unix:///nowhere"})
        await expire_claims(connections)
        await asyncio.gather(*[deliver(connections, CONFIG) for _ in range(2)])
        assert await disabled(connections) == set(webhooks), step
        if not killed:
            break
    else:
        pytest.fail("the job was killed in every attempt")
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
    """Return the number of alerts in the log by disabled webhook."""
    async with pool.connection() as connection:
        recorded = [
            each
            for lane in {lane_of(organization_id) for organization_id in organizations}
            for each in await read_lifecycle(connection, lane, 0, 100_000)
        ]
    raised = [each.event for each in recorded if isinstance(each.event, AlertRaised)]
    return Counter(alert.numbers["webhook_id"] for alert in raised)
