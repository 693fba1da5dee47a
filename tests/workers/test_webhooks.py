"""Webhook delivery: every event at least once, signed, in order, and retried after a failure."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import anyio
import pytest
from freezegun import freeze_time

from domain.alerts.events import AlertRaised
from domain.keys.commands import DisableKey, EnableKey, KeyCommand, RevokeKey
from domain.keys.decider import KEY
from domain.keys.delegation import UNRESTRICTED
from domain.plans.plan import PLANS, KeyCounts
from domain.webhooks.commands import ChangeWebhook, RotateWebhookSecret
from eventstore.check import check
from eventstore.execute import Write, execute
from eventstore.lanes import lane_of
from eventstore.reader import read_lifecycle
from eventstore.recorded import Origin
from gateway.webhook_target import SECRET_BYTES, new_secret
from infrastructure.clock import now
from infrastructure.database.connections import APP_ROLE, Pool, connect
from infrastructure.database.tenant import read_transaction
from infrastructure.settings import Settings
from projections.engine.runner import run_projection
from projections.outboxes.webhooks.follow import WEBHOOK_OUTBOX
from projections.outboxes.webhooks.queries import (
    Attempt,
    Delivery,
    attempt_totals,
    attempts_of,
    claim,
    deliveries,
    outbox_state,
    waiting,
)
from projections.read_models.organizations.counts.queries import keys_guard
from projections.read_models.webhooks.list.queries import webhook_of
from projections.registry import INLINE_CHECKS
from tests import seed
from tests.workers.hooks import CONFIG, MASTER, change_webhook, webhook
from tests.workers.receiver import Receiver, hang, receiver
from workers.jobs import deliver_webhooks
from workers.jobs.deliver_webhooks import (
    FAILING_DAYS_MAX,
    FAILING_MESSAGES_MIN,
    ORDERED_ATTEMPTS,
    RETRY_DELAYS,
    deliver,
)
from workers.jobs.purge_deliveries import KEPT_FOR, forget
from workers.jobs.run_lifecycle_projections import prepare

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)
COUNTS = KeyCounts(0, 1, None, "team")


@pytest.fixture
async def organization_id(connections: Pool) -> str:
    return await seed.organization(connections)


@pytest.fixture
def target() -> Iterator[Receiver]:
    with receiver() as opened:
        yield opened


async def change(pool: Pool, organization_id: str, key_id: str, command: KeyCommand) -> None:
    write: Write[Any, Any, Any, Any] = Write(
        decider=KEY,
        stream_id=key_id,
        organization_id=organization_id,
        command=lambda _: command,
        guard=keys_guard(organization_id, PLANS),
        at=now(),
        origin=Origin(seed.OWNER),
    )
    await execute(pool, write, seed.INLINE)


async def work(pool: Pool) -> None:
    await prepare(pool)
    await deliver(pool, CONFIG)


async def sent(pool: Pool, organization_id: str, webhook_id: str) -> list[tuple[Delivery, list[Attempt]]]:
    """Return the deliveries with their attempts, oldest first."""
    async with read_transaction(pool, organization_id) as connection:
        found = await deliveries(connection, webhook_id, None, None, 1_000)
        attempts = await attempts_of(connection, [delivery.delivery_id for delivery in found])
    return [(delivery, attempts[delivery.delivery_id]) for delivery in reversed(found)]


async def advance(pool: Pool, passed: timedelta) -> None:
    async with pool.connection() as connection:
        await connection.execute(
            b"update webhook_endpoint_health set failed_on = failed_on - %s::integer", (passed.days,)
        )
        for table, column in (("webhook_deliveries", "due_at"), ("webhook_endpoint_health", "failing_since")):
            await connection.execute(
                f"update {table} set {column} = {column} - %s::interval".encode(),  # noqa: S608 -- constant names
                (passed,),
            )


async def alerts(pool: Pool, organization_id: str) -> list[AlertRaised]:
    async with pool.connection() as connection:
        recorded = await read_lifecycle(connection, lane_of(organization_id), 0, 100_000)
    return [each.event for each in recorded if isinstance(each.event, AlertRaised)]


async def test_subscribed_events_are_sent_signed_and_others_are_not(
    connections: Pool, organization_id: str, target: Receiver
) -> None:
    before, _ = await seed.key(connections, organization_id)
    webhook_id = await webhook(connections, organization_id, target, "api_key.created", "api_key.revoked")
    key_id, secret = await seed.key(connections, organization_id, name="Deploy")
    await change(connections, organization_id, key_id, DisableKey(at=now()))
    await change(
        connections, organization_id, key_id, RevokeKey(at=now(), by=seed.OWNER, counts=COUNTS, reason="compromised")
    )
    await seed.key(connections, await seed.organization(connections))
    await work(connections)
    await work(connections)
    assert [each.body["event"] for each in target.received] == ["api_key.created", "api_key.revoked"]
    assert all(each.valid == 1 for each in target.received)
    created = target.received[0].body
    assert created["type"] == "api_key.created"
    assert created["organization_id"] == organization_id
    assert (created["data"]["id"], created["data"]["name"]) == (key_id, "Deploy")
    assert created["data"]["actor"] == {"type": "user", "id": seed.OWNER.id}
    assert datetime.fromisoformat(created["timestamp"]) <= now()
    bodies = str([each.body for each in target.received])
    assert secret.reveal() not in bodies
    assert "digest" not in bodies
    assert before not in bodies
    assert target.received[1].body["data"]["reason"] == "compromised"
    states = [
        (delivery.status, len(attempts)) for delivery, attempts in await sent(connections, organization_id, webhook_id)
    ]
    assert states == [("delivered", 1)] * 2


async def test_a_failed_message_is_retried_with_the_same_id_until_it_is_delivered(
    connections: Pool, organization_id: str, target: Receiver
) -> None:
    webhook_id = await webhook(connections, organization_id, target)
    await seed.key(connections, organization_id)
    target.answer = lambda received: 500 if received.before < 2 else 200
    target.response = b"not now\0" + b"x" * 5_000
    await work(connections)
    await work(connections)
    assert len(target.received) == 1, "the retry is due in five seconds"
    for pause in RETRY_DELAYS[:2]:
        await advance(connections, 2 * pause)
        await work(connections)
    assert len(set(target.ids())) == 1
    ((delivery, attempts),) = await sent(connections, organization_id, webhook_id)
    assert delivery.status == "delivered"
    assert [attempt.status_code for attempt in attempts] == [500, 500, 200]
    assert attempts[0].response.startswith("not now")
    assert len(attempts[0].response) <= 1_000


async def test_retry_delays_are_the_documented_ones_with_jitter_per_message(
    connections: Pool, organization_id: str, target: Receiver
) -> None:
    documented = (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 28_800)
    factors: list[float] = []
    target.answer = lambda _: 500
    with freeze_time(now(), real_asyncio=True) as clock:
        webhook_id = await webhook(connections, organization_id, target)
        clock.tick(2)
        for _ in range(6):
            await seed.key(connections, organization_id)
        await work(connections)
        for failures, pause in enumerate(documented, 1):
            tried = await sent(connections, organization_id, webhook_id)
            assert {len(attempts) for _, attempts in tried} == {failures}
            due = [delivery.due_at for delivery, _ in tried]
            assert len(set(due)) > 1, "messages that failed together are not retried together"
            # All were attempted at one instant, that of the clock.
            factors += [(at - now()).total_seconds() / pause for at in due]
            clock.move_to(min(due) - timedelta(milliseconds=1))
            await work(connections)
            assert len(target.received) == 6 * failures, "no retry is early"
            clock.move_to(max(due) + timedelta(milliseconds=1))
            await work(connections)
        assert {delivery.status for delivery, _ in await sent(connections, organization_id, webhook_id)} == {"failed"}
    assert len(target.received) == 6 * (len(documented) + 1)
    assert 0.8 <= min(factors) < 0.9
    assert 1.1 < max(factors) <= 1.2


async def test_attempts_of_workers_that_died_do_not_lengthen_the_delay(
    connections: Pool, organization_id: str, target: Receiver
) -> None:
    webhook_id = await webhook(connections, organization_id, target)
    await seed.key(connections, organization_id)
    await prepare(connections)
    for _ in range(len(RETRY_DELAYS) + 1):
        async with connections.connection() as connection:
            assert await claim(connection, now=now(), lease=now(), busy=[], webhooks=1, each=1, failures_max=1)
    target.answer = lambda _: 500
    await deliver(connections, CONFIG)
    ((delivery, (attempt,)),) = await sent(connections, organization_id, webhook_id)
    assert delivery.status == "pending"
    assert delivery.due_at - attempt.at < RETRY_DELAYS[1]


async def test_a_message_that_fails_for_a_day_is_given_up_and_listed(
    connections: Pool, organization_id: str, target: Receiver
) -> None:
    webhook_id = await webhook(connections, organization_id, target)
    await seed.key(connections, organization_id)
    target.answer = lambda _: 503
    for pause in (timedelta(0), *RETRY_DELAYS, DAY):
        await advance(connections, 2 * pause)
        await work(connections)
    ((delivery, attempts),) = await sent(connections, organization_id, webhook_id)
    assert (delivery.status, len(attempts)) == ("failed", len(RETRY_DELAYS) + 1)
    assert timedelta(hours=20) < sum(RETRY_DELAYS, timedelta()) < timedelta(hours=28)


async def test_redirects_are_not_followed_and_private_addresses_are_refused(
    connections: Pool, organization_id: str, target: Receiver
) -> None:
    webhook_id = await webhook(connections, organization_id, target)
    await seed.key(connections, organization_id)
    target.answer = lambda _: 302
    target.headers = {"location": target.url + "/elsewhere"}
    await work(connections)
    assert [each.path for each in target.received] == ["/hooks"]
    await advance(connections, DAY)
    await deliver(connections, Settings(master_keys=(MASTER,)))
    assert len(target.received) == 1
    ((_, attempts),) = await sent(connections, organization_id, webhook_id)
    assert attempts[0].status_code == 302
    assert attempts[1].status_code is None
    assert "KEYLEDGER_EGRESS_ALLOW" in str(attempts[1].error)


async def test_a_hanging_receiver_does_not_delay_others(
    connections: Pool, organization_id: str, target: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver_webhooks, "ANSWER_SECONDS", 2.0)
    with receiver() as other:
        hanging = await webhook(connections, organization_id, target)
        other_id = await webhook(connections, organization_id, other)
        target.answer = hang(3)
        for _ in range(12):
            await seed.key(connections, organization_id)
        await prepare(connections)
        await deliver(connections, CONFIG)
        assert len(set(other.ids())) == 12
        states = await sent(connections, organization_id, hanging)
        assert any("No answer within" in str(attempt.error) for _, attempts in states for attempt in attempts)
        assert all(delivery.status == "delivered" for delivery, _ in await sent(connections, organization_id, other_id))


async def test_webhooks_that_respond_take_precedence_over_failing_ones(
    connections: Pool, organization_id: str, target: Receiver
) -> None:
    target.answer = lambda _: 503
    with receiver() as other:
        for _ in range(5):
            await webhook(connections, organization_id, target)
        await seed.key(connections, organization_id)
        await prepare(connections)
        await deliver(connections, CONFIG)
        answering = await webhook(connections, organization_id, other)
        await seed.key(connections, organization_id)
        await prepare(connections)
        async with connections.connection() as connection:
            await connection.execute(b"update webhook_deliveries set due_at = created_at where status = 'pending'")
            lease = now() + timedelta(minutes=1)
            claimed = await claim(connection, now=now(), lease=lease, busy=[], webhooks=1, each=4, failures_max=3)
        assert {each.webhook_id for each in claimed} == {answering}


async def test_messages_about_one_key_are_in_order_during_the_first_attempts(
    connections: Pool, organization_id: str, target: Receiver
) -> None:
    await webhook(connections, organization_id, target)
    key_id, _ = await seed.key(connections, organization_id)
    await change(connections, organization_id, key_id, DisableKey(at=now()))
    await change(connections, organization_id, key_id, EnableKey(at=now(), authority=UNRESTRICTED, known_mcps={}))
    target.answer = lambda received: 500 if received.body["event"] == "api_key.created" else 200
    for pause in (timedelta(0), *RETRY_DELAYS[: ORDERED_ATTEMPTS - 1]):
        assert {each.body["event"] for each in target.received} <= {"api_key.created"}
        await advance(connections, 2 * pause)
        await work(connections)
    await work(connections)
    events = [each.body["event"] for each in target.received]
    assert events == ["api_key.created"] * ORDERED_ATTEMPTS + ["api_key.disabled", "api_key.enabled"]


async def test_concurrent_and_interrupted_workers_lose_no_message(
    connections: Pool, organization_id: str, target: Receiver
) -> None:
    await webhook(connections, organization_id, target)
    key_ids = [(await seed.key(connections, organization_id))[0] for _ in range(30)]
    await prepare(connections)
    dying = asyncio.create_task(deliver(connections, CONFIG))
    await anyio.sleep(0.05)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            tasks.start_soon(work, connections)
    await advance(connections, 2 * deliver_webhooks.LEASE)
    await work(connections)
    assert {each.body["data"]["id"] for each in target.received} == set(key_ids)
    assert len(set(target.ids())) == 30, "one id per message for every attempt"


async def test_applying_events_twice_adds_each_message_once(
    connections: Pool, organization_id: str, target: Receiver
) -> None:
    webhook_id = await webhook(connections, organization_id, target)
    await seed.key(connections, organization_id)
    async with connections.connection() as connection:
        await run_projection(connection, WEBHOOK_OUTBOX, 10)
        await connection.execute(b"update checkpoints set position = 0 where projection = 'webhook_outbox'")
        await run_projection(connection, WEBHOOK_OUTBOX, 10)
    assert len(await sent(connections, organization_id, webhook_id)) == 1


async def test_messages_have_two_signatures_during_an_overlap(
    connections: Pool, organization_id: str, target: Receiver
) -> None:
    webhook_id = await webhook(connections, organization_id, target)
    second = new_secret(b"s" * SECRET_BYTES)
    target.secrets.append(second)
    command = RotateWebhookSecret(at=now(), overlap_seconds=3_600)
    await change_webhook(connections, organization_id, webhook_id, command, second)
    await seed.key(connections, organization_id)
    await work(connections)
    assert target.received[-1].valid == 2
    with freeze_time(now() + timedelta(hours=2), real_asyncio=True):
        await seed.key(connections, organization_id)
        await work(connections)
        assert target.received[-1].valid == 1


async def test_a_webhook_that_is_gone_is_disabled_immediately_and_raises_an_alert(
    connections: Pool, organization_id: str, target: Receiver
) -> None:
    webhook_id = await webhook(connections, organization_id, target)
    for _ in range(6):
        await seed.key(connections, organization_id)
    target.answer = lambda _: 410
    await work(connections)
    await work(connections)
    async with read_transaction(connections, organization_id) as connection:
        found = await webhook_of(connection, webhook_id, organization_id)
    assert found is not None
    assert (found.status, found.because) == ("disabled", "gone")
    (alert,) = await alerts(connections, organization_id)
    assert (alert.alert_type, alert.numbers["webhook_id"]) == ("webhook.disabled", webhook_id)
    count = len(target.received)
    await advance(connections, DAY)
    await work(connections)
    assert len(target.received) == count
    async with connections.connection() as connection:
        await connection.execute(b"set role none")
        assert (await check(connection, INLINE_CHECKS)).ok
        await connection.execute(b"reset role")


async def test_messages_of_disabled_webhooks_do_not_block_others(
    connections: Pool, organization_id: str, target: Receiver
) -> None:
    disabled = [await webhook(connections, organization_id, target) for _ in range(12)]
    await webhook(connections, organization_id, target)
    for _ in range(5):
        await seed.key(connections, organization_id)
    await prepare(connections)
    for webhook_id in disabled:
        off = ChangeWebhook(at=now(), status="disabled")
        await change_webhook(connections, organization_id, webhook_id, off, None)
    await deliver(connections, CONFIG)
    assert len(target.received) == 5, "those of the active webhook"
    kept = await sent(connections, organization_id, disabled[0])
    assert [delivery.status for delivery, _ in kept] == ["failed"] * 5
    async with connections.connection() as connection:
        assert (await outbox_state(connection, now())).waiting == 0
        # This also holds for messages that were too late to be closed.
        await connection.execute(b"update webhook_deliveries set status = 'pending' where status = 'failed'")
        claimed = await claim(connection, now=now(), lease=now(), busy=[], webhooks=1, each=4, failures_max=5)
        assert claimed == []


async def fail_on(pool: Pool, organization_id: str, days: int, messages: int) -> None:
    """Each day, more messages fail, and those of earlier days fail again."""
    for _ in range(days):
        for _ in range(messages):
            await seed.key(pool, organization_id)
        await work(pool)
        await advance(pool, DAY)


async def test_a_webhook_that_fails_for_days_is_disabled_unless_a_success_restarts_the_period(
    connections: Pool, organization_id: str, target: Receiver
) -> None:
    webhook_id = await webhook(connections, organization_id, target)
    target.answer = lambda _: 500
    await fail_on(connections, organization_id, FAILING_DAYS_MAX, 1)
    target.answer = lambda _: 200
    await work(connections)
    target.answer = lambda _: 500
    await fail_on(connections, organization_id, FAILING_DAYS_MAX, 1)
    assert await alerts(connections, organization_id) == []
    await fail_on(connections, organization_id, 1, 1)
    (alert,) = await alerts(connections, organization_id)
    assert (alert.numbers["webhook_id"], alert.numbers["because"]) == (webhook_id, "failing")


@pytest.mark.parametrize(
    "failing",
    [
        pytest.param([(9, 1), *[(0, 0)] * 20, (9, 1)], id="two hours of failure, three weeks apart"),
        pytest.param([(1, 5), *[(0, 0)] * 20, (1, 5)], id="two messages that failed for days"),
        pytest.param([(FAILING_MESSAGES_MIN - 1, FAILING_DAYS_MAX + 2)], id="too few messages"),
    ],
)
async def test_a_webhook_with_few_failures_stays_active(
    connections: Pool, organization_id: str, target: Receiver, failing: list[tuple[int, int]]
) -> None:
    """`failing` lists pairs of messages created and days on which they fail; (0, 0) is a day without messages."""
    webhook_id = await webhook(connections, organization_id, target)
    target.answer = lambda _: 500
    for messages, days in failing:
        await fail_on(connections, organization_id, 1, messages)
        await fail_on(connections, organization_id, days - 1, 0)
        if days:
            await give_up(connections)
    await fail_on(connections, organization_id, 1, 0)
    assert await alerts(connections, organization_id) == []
    async with read_transaction(connections, organization_id) as connection:
        found = await webhook_of(connection, webhook_id, organization_id)
    assert found is not None
    assert found.status == "active"


async def give_up(pool: Pool) -> None:
    """Simulate the final attempt of every waiting message."""
    async with pool.connection() as connection:
        await connection.execute(b"update webhook_deliveries set status = 'failed' where status = 'pending'")


async def test_attempts_are_counted_by_result(
    connections: Pool, organization_id: str, target: Receiver, database_url: str
) -> None:
    """The metrics cover all organizations."""
    await webhook(connections, organization_id, target)
    await webhook(connections, organization_id, Receiver("http://127.0.0.1:9/hooks"))
    for number in range(3):
        target.answer = lambda _, status=(204, 503, 404)[number]: status
        await seed.key(connections, organization_id)
        # On a busy machine, a run may end before it has sent the message.
        while len(target.received) == number:
            await work(connections)
    async with await connect(database_url, role=APP_ROLE) as connection:
        ended = await attempt_totals(connection)
        found = {each.failing: each.messages for each in await waiting(connection)}
    assert (ended.delivered, ended.refused) == (1, 2)
    assert ended.unanswered >= 1
    assert found == {True: 5}, "every undelivered message waits at a webhook whose last attempt failed"


async def test_slack_messages_are_text(connections: Pool, organization_id: str, target: Receiver) -> None:
    await webhook(connections, organization_id, target, "api_key.created", kind="slack")
    await seed.key(connections, organization_id, name="<Deploy> & more")
    await work(connections)
    (received,) = target.received
    assert set(received.body) == {"text"}
    assert received.body["text"].startswith("*api_key.created*")
    assert "name: &lt;Deploy&gt; &amp; more" in received.body["text"]
    assert "webhook-signature" not in received.headers


async def test_deliveries_are_deleted_after_a_month(connections: Pool, organization_id: str, target: Receiver) -> None:
    webhook_id = await webhook(connections, organization_id, target)
    await seed.key(connections, organization_id)
    await work(connections)
    await forget(connections)
    assert len(await sent(connections, organization_id, webhook_id)) == 1
    with freeze_time(now() + KEPT_FOR + DAY, real_asyncio=True):
        await forget(connections)
    assert await sent(connections, organization_id, webhook_id) == []


def http_date(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC), usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("dated", [False, True])
async def test_no_message_is_sent_to_a_receiver_before_its_retry_after(
    connections: Pool,
    organization_id: str,
    target: Receiver,
    status: int,
    dated: bool,  # noqa: FBT001
) -> None:
    target.answer = lambda _: status
    with freeze_time(now().replace(microsecond=0), real_asyncio=True) as clock:
        webhook_id = await webhook(connections, organization_id, target)
        clock.tick(2)
        await seed.key(connections, organization_id)
        target.headers = {"retry-after": http_date(now() + timedelta(hours=1)) if dated else "3600"}
        until = now() + timedelta(hours=1)
        await work(connections)
        assert len(target.received) == 1
        ((delivery, _),) = await sent(connections, organization_id, webhook_id)
        assert delivery.due_at == until
        await seed.key(connections, organization_id)  # later messages wait as well
        for at in (now() + timedelta(minutes=5), until - timedelta(seconds=1)):
            clock.move_to(at)
            await work(connections)
            assert len(target.received) == 1, "no message is sent before Retry-After"
        target.answer = lambda _: 204
        clock.move_to(until + timedelta(seconds=1))
        for _ in range(3):
            await work(connections)
    assert {each.status for each, _ in await sent(connections, organization_id, webhook_id)} == {"delivered"}
    assert len(target.received) == 3


@pytest.mark.parametrize(
    ("status", "retry_after", "least", "most"),
    [
        (429, "0", 4, 6),  # not earlier than without the header
        (429, "1", 4, 6),
        (429, "99999999999", 28_800, 28_800),
        (503, "never", 4, 6),
        (500, "3600", 4, 6),  # the header has no meaning here
        (404, "3600", 4, 6),
    ],
)
async def test_retry_after_is_bounded(
    connections: Pool, organization_id: str, target: Receiver, status: int, retry_after: str, least: int, most: int
) -> None:
    target.answer, target.headers = lambda _: status, {"retry-after": retry_after}
    with freeze_time(now(), real_asyncio=True) as clock:
        webhook_id = await webhook(connections, organization_id, target)
        clock.tick(2)
        await seed.key(connections, organization_id)
        await work(connections)
        ((delivery, _),) = await sent(connections, organization_id, webhook_id)
        assert least <= (delivery.due_at - now()).total_seconds() <= most


async def test_retry_after_of_one_receiver_does_not_delay_others(
    connections: Pool, organization_id: str, target: Receiver
) -> None:
    target.answer, target.headers = lambda _: 429, {"retry-after": "3600"}
    with receiver() as other:
        await webhook(connections, organization_id, target)
        await webhook(connections, organization_id, other)
        await anyio.sleep(1.1)  # events from before the webhook are not sent to it
        for _ in range(3):
            await seed.key(connections, organization_id)
            await work(connections)
        assert (len(other.received), len(target.ids())) == (3, 1)
