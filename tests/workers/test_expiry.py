"""Keys expire at their instant, and the expiry is recorded soon after."""

from datetime import timedelta

import anyio
import pytest
from freezegun import freeze_time
from structlog.testing import capture_logs

from domain.actor import SystemActor
from domain.keys.events import KeyCreated, KeyExpired
from domain.plans.plan import PLANS
from eventstore.check import check
from infrastructure.clock import now
from infrastructure.database.connections import Pool
from infrastructure.settings import Settings
from projections.registry import INLINE_CHECKS
from tests import seed
from tests.waiting import stretched
from tests.workers.conftest import Start
from tests.workers.log_view import history, verification_code, wait_for_an_expiry, wait_for_expiry
from workers.due_keys import Worker, process_due
from workers.jobs.expire_keys import KEYS_EXPIRING, expire

pytestmark = pytest.mark.anyio

CONFIG = Settings()

DAY = timedelta(days=1)


async def test_a_key_expires_after_a_year(connections: Pool) -> None:
    with freeze_time("2026-03-01 12:00:00", real_asyncio=True) as clock:
        organization_id = await seed.organization(connections)
        expires_at = now() + 365 * DAY
        key_id, secret = await seed.key(connections, organization_id, expires_at=expires_at)
        for _ in range(364):
            clock.tick(DAY)
            await expire(connections, CONFIG)
            assert await verification_code(connections, secret, now()) == "valid"
        assert len(await history(connections, organization_id, key_id)) == 1

        clock.move_to(expires_at - timedelta(microseconds=1))
        await expire(connections, CONFIG)
        assert await verification_code(connections, secret, now()) == "valid"

        clock.move_to(expires_at)
        assert await verification_code(connections, secret, now()) == "expired_key"  # before any worker ran
        await expire(connections, CONFIG)
        await expire(connections, CONFIG)

        created, expired = await history(connections, organization_id, key_id)
        assert isinstance(created.event, KeyCreated)
        assert expired.event == KeyExpired(expired_at=expires_at)
        assert expired.record.origin.actor == SystemActor("expiry")
        assert await verification_code(connections, secret, now()) == "expired_key"


async def test_concurrent_workers_record_each_expiry_once(connections: Pool) -> None:
    keys: list[tuple[str, str]] = []
    start = now()
    with freeze_time(start, real_asyncio=True) as clock:
        for _ in range(3):
            organization_id = await seed.organization(connections)
            for _ in range(8):
                key_id, _ = await seed.key(connections, organization_id, expires_at=start + timedelta(hours=1))
                keys.append((organization_id, key_id))
        clock.tick(timedelta(hours=2))
        changed: list[int] = []

        async def work() -> None:
            changed.append(await process_due(Worker(connections, PLANS), KEYS_EXPIRING, seconds=20))

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(work)
    assert sum(changed) == len(keys)
    for organization_id, key_id in keys:
        events = [each.event for each in await history(connections, organization_id, key_id)]
        assert [type(event) for event in events] == [KeyCreated, KeyExpired]
    async with connections.connection() as connection:
        assert (await check(connection, INLINE_CHECKS)).ok


async def test_more_keys_than_a_page_expire_in_one_run(connections: Pool) -> None:
    start = now()
    with freeze_time(start, real_asyncio=True) as clock:
        organization_id = await seed.organization(connections)
        for _ in range(130):
            await seed.key(connections, organization_id, expires_at=start + timedelta(hours=1))
        clock.tick(timedelta(hours=2))
        assert await process_due(Worker(connections, PLANS), KEYS_EXPIRING, seconds=60) == 130
        assert await process_due(Worker(connections, PLANS), KEYS_EXPIRING) == 0


async def test_a_key_that_cannot_be_changed_does_not_block_others(connections: Pool) -> None:
    start = now()
    with freeze_time(start, real_asyncio=True) as clock:
        organization_id = await seed.organization(connections)
        bad, _ = await seed.key(connections, organization_id, expires_at=start + timedelta(minutes=1))
        good, secret = await seed.key(connections, organization_id, expires_at=start + timedelta(minutes=2))
        async with connections.connection() as connection:
            # A list that differs from the log: the stream of this key belongs to another organization.
            other = await seed.organization(connections)
            await connection.execute("update key_list set organization_id = %s where key_id = %s", (other, bad))
        clock.tick(timedelta(hours=1))
        with capture_logs() as lines:
            assert await process_due(Worker(connections, PLANS), KEYS_EXPIRING) == 1
            assert await process_due(Worker(connections, PLANS), KEYS_EXPIRING) == 0
        assert await verification_code(connections, secret, now()) == "expired_key"
    assert len(await history(connections, organization_id, bad)) == 1
    assert len(await history(connections, organization_id, good)) == 2
    assert [line["key_id"] for line in lines if line["event"] == "key_change_failed"] == [
        bad
    ]  # logged once, not every second


async def test_processes_record_an_expiry_within_two_seconds(connections: Pool, start: Start) -> None:
    start("run")
    start("schedule")
    organization_id = await seed.organization(connections)
    await wait_for_an_expiry(connections, organization_id)  # the processes are up
    instants = [now() + timedelta(seconds=1 + tenths / 10) for tenths in range(0, 30, 3)]
    keys = [(await seed.key(connections, organization_id, expires_at=instant))[0] for instant in instants]
    for key_id, instant in zip(keys, instants, strict=True):
        expired = await wait_for_expiry(connections, organization_id, key_id)
        assert timedelta(0) <= expired.record.occurred_at - instant <= timedelta(seconds=stretched(2))
