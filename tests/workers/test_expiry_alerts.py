"""Expiry alerts are raised 30, 14, 7 and 1 days before a key expires, once each, by any number of workers."""

from datetime import datetime, timedelta
from typing import Any, Protocol

import anyio
import pytest
from freezegun import freeze_time

from domain.alerts.events import AlertRaised
from domain.keys.commands import ChangeKey, DisableKey, KeyCommand, RevokeKey
from domain.keys.decider import KEY
from domain.keys.delegation import UNRESTRICTED
from domain.keys.events import KeyCreated, KeyExpired
from domain.plans.plan import PLANS, KeyCounts
from eventstore.check import check
from eventstore.execute import Write, execute
from eventstore.lanes import lane_of
from eventstore.reader import read_lifecycle
from eventstore.recorded import Origin
from infrastructure.clock import now
from infrastructure.database.connections import Pool
from infrastructure.settings import Settings
from projections.read_models.alerts.list.queries import Filters, alerts
from projections.read_models.keys.expiry_schedule.queries import due
from projections.read_models.organizations.counts.queries import keys_guard
from projections.registry import INLINE, INLINE_CHECKS
from tests import seed
from tests.workers.log_view import history
from workers.due_keys import Worker, process_due
from workers.jobs.expire_keys import expire
from workers.jobs.raise_expiry_alerts import ALERTS_DUE, warn

pytestmark = pytest.mark.anyio

CONFIG = Settings()

DAY = timedelta(days=1)
START = "2026-03-01 12:00:00"


class Clock(Protocol):
    def tick(self, delta: timedelta) -> object: ...


async def raised_alerts(pool: Pool, organization_id: str) -> list[tuple[int, datetime]]:
    """Return the days and times of the alerts in the log, in order."""
    async with pool.connection() as connection:
        recorded = await read_lifecycle(connection, lane_of(organization_id), 0, 100_000)
    raised: list[AlertRaised] = [
        each.event
        for each in recorded
        if isinstance(each.event, AlertRaised) and each.record.organization_id == organization_id
    ]
    return [(int(alert.numbers["days"] or 0), alert.raised_at) for alert in raised]


async def execute_on_key(pool: Pool, organization_id: str, key_id: str, command: KeyCommand) -> None:
    write: Write[Any, Any, Any, Any] = Write(
        decider=KEY,
        stream_id=key_id,
        organization_id=organization_id,
        command=lambda _: command,
        guard=keys_guard(organization_id, PLANS),
        at=now(),
        origin=Origin(seed.OWNER),
    )
    await execute(pool, write, INLINE)


def change_expiry(at: datetime | None) -> ChangeKey:
    return ChangeKey(at=now(), authority=UNRESTRICTED, known_mcps={}, expires_at=at)


async def run_days(pool: Pool, clock: Clock, days: int) -> None:
    for _ in range(days):
        clock.tick(DAY)
        await warn(pool, CONFIG)
        await expire(pool, CONFIG)


async def test_every_stage_raises_an_alert_in_a_year(connections: Pool) -> None:
    with freeze_time(START, real_asyncio=True) as clock:
        organization_id = await seed.organization(connections)
        end = now() + 365 * DAY
        key_id, _ = await seed.key(connections, organization_id, expires_at=end)
        await run_days(connections, clock, 400)
        assert await raised_alerts(connections, organization_id) == [
            (days, end - days * DAY) for days in (30, 14, 7, 1)
        ]
        created, expired = await history(connections, organization_id, key_id)
        assert isinstance(created.event, KeyCreated)
        assert isinstance(expired.event, KeyExpired)
        assert expired.event.expired_at == end
        async with connections.connection() as connection:
            shown = await alerts(connection, organization_id, Filters(), limit=10)
            assert [(state.alert.key_id, state.alert.severity) for state in shown] == [
                (key_id, "critical"),
                (key_id, "warning"),
                (key_id, "info"),
                (key_id, "info"),
            ]
            assert await due(connection, now(), 10) == []
            assert (await check(connection, INLINE_CHECKS)).ok


async def test_a_new_expiry_starts_all_stages_again(connections: Pool) -> None:
    with freeze_time(START, real_asyncio=True) as clock:
        organization_id = await seed.organization(connections)
        key_id, _ = await seed.key(connections, organization_id, expires_at=now() + 31 * DAY)
        await run_days(connections, clock, 20)
        assert [days for days, _ in await raised_alerts(connections, organization_id)] == [30, 14]
        await execute_on_key(connections, organization_id, key_id, change_expiry(now() + 40 * DAY))
        await run_days(connections, clock, 45)
        assert [days for days, _ in await raised_alerts(connections, organization_id)] == [30, 14, 30, 14, 7, 1]


async def test_a_key_with_a_short_life_raises_only_the_remaining_stages(connections: Pool) -> None:
    with freeze_time(START, real_asyncio=True) as clock:
        organization_id = await seed.organization(connections)
        await seed.key(connections, organization_id, expires_at=now() + 5 * DAY)
        await warn(connections, CONFIG)
        assert await raised_alerts(connections, organization_id) == []
        await run_days(connections, clock, 6)
        assert [days for days, _ in await raised_alerts(connections, organization_id)] == [1]


async def test_no_alert_is_raised_for_a_key_without_expiry_or_a_revoked_key(connections: Pool) -> None:
    with freeze_time(START, real_asyncio=True) as clock:
        organization_id = await seed.organization(connections)
        cleared, _ = await seed.key(connections, organization_id, expires_at=now() + 40 * DAY)
        revoked, _ = await seed.key(connections, organization_id, expires_at=now() + 40 * DAY)
        disabled, _ = await seed.key(connections, organization_id, expires_at=now() + 40 * DAY)
        await seed.key(connections, organization_id)
        await execute_on_key(connections, organization_id, cleared, change_expiry(None))
        counts = KeyCounts(active=4, disabled=0, limit=None, plan="team")
        await execute_on_key(connections, organization_id, revoked, RevokeKey(at=now(), by=seed.OWNER, counts=counts))
        await execute_on_key(connections, organization_id, disabled, DisableKey(at=now()))
        await run_days(connections, clock, 12)
        async with connections.connection() as connection:
            (state,) = await alerts(connection, organization_id, Filters(), limit=10)
        assert state.alert.key_id == disabled  # it can be enabled again, and expires as well


async def test_of_several_missed_stages_only_the_latest_is_raised(connections: Pool) -> None:
    with freeze_time(START, real_asyncio=True) as clock:
        organization_id = await seed.organization(connections)
        await seed.key(connections, organization_id, expires_at=now() + 40 * DAY)
        await seed.key(connections, organization_id, expires_at=now() + 31 * DAY)
        clock.tick(35 * DAY)  # no worker ran
        await warn(connections, CONFIG)
        assert [days for days, _ in await raised_alerts(connections, organization_id)] == [7]
        async with connections.connection() as connection:
            assert await due(connection, now(), 10) == []


async def test_concurrent_workers_raise_each_stage_once(connections: Pool) -> None:
    with freeze_time(START, real_asyncio=True) as clock:
        organization_id = await seed.organization(connections)
        for _ in range(120):
            await seed.key(connections, organization_id, expires_at=now() + 31 * DAY)
        clock.tick(2 * DAY)
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(process_due, Worker(connections, PLANS), ALERTS_DUE, 60)
    assert [days for days, _ in await raised_alerts(connections, organization_id)] == [30] * 120


async def test_an_alert_and_the_next_stage_are_stored_in_one_transaction(connections: Pool) -> None:
    """A worker that died between them would raise the alert twice, or never again."""
    with freeze_time(START, real_asyncio=True) as clock:
        organization_id = await seed.organization(connections)
        await seed.key(connections, organization_id, expires_at=now() + 31 * DAY)
        clock.tick(2 * DAY)
        async with connections.connection() as connection:
            (key,) = await due(connection, now(), 10)
        await ALERTS_DUE.step(Worker(connections, PLANS), key)
        async with connections.connection() as connection:
            assert await due(connection, now(), 10) == []
        await ALERTS_DUE.step(Worker(connections, PLANS), key)  # a worker that read the key earlier
        assert [days for days, _ in await raised_alerts(connections, organization_id)] == [30]
