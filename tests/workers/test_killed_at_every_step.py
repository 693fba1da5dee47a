"""A worker is killed before each statement: the next runs raise every alert and compose every mail exactly once."""

import asyncio
import base64
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from domain.actor import SystemActor
from domain.alerts.events import AlertRaised
from domain.alerts.expiry_stages import Stage, expiry_alert
from eventstore.check import check
from eventstore.lanes import lane_of
from eventstore.reader import read_lifecycle
from infrastructure.clock import now
from infrastructure.database.connections import Pool
from infrastructure.setting import WORKERS
from infrastructure.settings import Settings
from projections.engine.runner import run_projection
from projections.outboxes.alert_mail.follow import ALERT_NOTICES
from projections.registry import INLINE_CHECKS
from tests import seed
from tests.workers.killed_at_steps import StepProxy, killed_at, step_proxy
from tests.workers.mail_server import MailServer, mail_server
from workers.jobs.compose_alert_mails import mail
from workers.jobs.deliver_mail import deliver
from workers.jobs.raise_expiry_alerts import warn
from workers.raise_alert import raise_alert

pytestmark = pytest.mark.anyio

CONFIG = Settings()

STEPS_MIN = 10
"""A lower count would mean that the proxy counts the wrong messages."""
STEPS_MAX = 500

SETTINGS = {"REDIS_URL": "unix:///nowhere"}


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[StepProxy]:
    async with step_proxy(database_url) as opened:
        yield opened


async def create_expiring_key(pool: Pool, organization_id: str) -> str:
    """Create a key whose stages at 30 and 14 days passed without a worker, and whose stage at 7 days is due later."""
    at = now()
    start, end = at - timedelta(days=40), at + timedelta(days=10)
    key_id, _ = await seed.key(pool, organization_id, at=start, expires_at=end)
    return key_id


async def raised_alerts(pool: Pool, organization_id: str) -> Counter[str | None]:
    """Return the number of alerts by key."""
    async with pool.connection() as connection:
        recorded = await read_lifecycle(connection, lane_of(organization_id), 0, 100_000)
    return Counter(each.event.key_id for each in recorded if isinstance(each.event, AlertRaised))


async def test_each_alert_is_raised_once_after_a_worker_died(
    connections: Pool, proxy: StepProxy, record_property: Callable[[str, object], None]
) -> None:
    """Two workers run concurrently after the one that died half way, as with two schedulers."""
    organization_id = await seed.organization(connections)
    keys: set[str] = set()
    for step in range(1, STEPS_MAX):
        keys.add(await create_expiring_key(connections, organization_id))
        if not await killed_at(proxy, step, "raise_expiry_alerts", SETTINGS):
            break
        assert set((await raised_alerts(connections, organization_id)).values()) <= {1}
        await asyncio.gather(warn(connections, CONFIG), warn(connections, CONFIG))
        assert await raised_alerts(connections, organization_id) == dict.fromkeys(keys, 1), step
    else:
        pytest.fail("the job was killed in every attempt")
    assert len(keys) > STEPS_MIN
    assert await raised_alerts(connections, organization_id) == dict.fromkeys(keys, 1)
    async with connections.connection() as connection:
        assert (await check(connection, INLINE_CHECKS)).violations == []
    record_property("a worker that warns of expiry", f"killed before each of {len(keys) - 1} statements")


@pytest.mark.parametrize("job", ["run_lifecycle_projections", "compose_alert_mails", "deliver_mail"])
async def test_each_alert_is_mailed_once_to_each_user_after_a_kill_at_any_step(
    connections: Pool, proxy: StepProxy, job: str, record_property: Callable[[str, object], None]
) -> None:
    """Kill the projection that selects recipients, the composition of mails, and their delivery, which may repeat a
    mail.
    """
    with mail_server() as server:
        settings = {**SETTINGS, **mail_settings(server)}
        config = Settings.from_environment({"DATABASE_URL": "postgresql://", **settings}, WORKERS)
        people: set[str] = set()
        for step in range(1, STEPS_MAX):
            # A separate organization: its owner would otherwise receive the next alert only later.
            organization_id = await seed.organization(connections)
            people.add(await seed.member(connections, organization_id, "owner"))
            alert = expiry_alert("key_1", organization_id, now() + timedelta(days=7), SEVEN, now())
            assert await raise_alert(connections, SystemActor("tests"), alert)
            if job != "run_lifecycle_projections":
                await apply_and_compose(connections, config, compose=job == "deliver_mail")
            killed = await killed_at(proxy, step, job, settings)
            await asyncio.gather(*[apply_and_compose(connections, config) for _ in range(2)])
            await expire_claims(connections)
            await deliver(connections, config)
            assert await mails(connections) == dict.fromkeys(people, 1), step
            if not killed:
                break
        else:
            pytest.fail("the job was killed in every attempt")
        arrived = {(address, message["Message-ID"]) for _, (address,), message in server.mailbox.messages}
    assert sorted(address for address, _ in arrived) == sorted(f"{user_id}@example.com" for user_id in people)
    assert len(server.mailbox.messages) - len(arrived) <= (1 if job == "deliver_mail" else 0) * len(people)
    assert len(people) > STEPS_MIN / 2
    record_property(job, f"killed before each of {len(people) - 1} statements")


SEVEN = Stage(7, now())


def mail_settings(server: MailServer) -> dict[str, str]:
    return {
        "KEYLEDGER_MASTER_KEY": base64.b64encode(b"k" * 32).decode(),
        "SMTP_URL": f"smtp://127.0.0.1:{server.port}",
        "MAIL_FROM": "keys@example.org",
    }


async def apply_and_compose(pool: Pool, config: Settings, *, compose: bool = True) -> None:
    async with pool.connection() as connection:
        followed = await run_projection(connection, ALERT_NOTICES, 60)
    assert (followed.stopped, followed.delayed) == ({}, {})
    if compose:
        await mail(pool, config)


async def expire_claims(pool: Pool) -> None:
    """Simulate the end of the period for which a dead worker claimed its mails."""
    async with pool.connection() as connection:
        await connection.execute(b"update mail_outbox set due_at = created_at where sealed is not null")


async def mails(pool: Pool) -> Counter[str]:
    """Return the number of mails by user."""
    async with pool.connection() as connection:
        cursor = await connection.execute(b"select user_id, mail_id from alert_notices where settled_at is not null")
        settled = await cursor.fetchall()
        outbox = await connection.execute(b"select mail_id from mail_outbox where sent_at is not null")
        assert {mail_id for _, mail_id in settled} == {mail_id for (mail_id,) in await outbox.fetchall()}
    return Counter(user_id for user_id, _ in settled)
