"""Who has a key that ends soon is told at 30, 14, 7 and 1 days, once each, whoever comes by and however often."""

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


async def told(pool: Pool, organization_id: str) -> list[tuple[int, datetime]]:
    """Days and instants of the alerts in the log, in its order."""
    async with pool.connection() as connection:
        recorded = await read_lifecycle(connection, lane_of(organization_id), 0, 100_000)
    raised: list[AlertRaised] = [
        each.event
        for each in recorded
        if isinstance(each.event, AlertRaised) and each.record.organization_id == organization_id
    ]
    return [(int(alert.numbers["days"] or 0), alert.raised_at) for alert in raised]


async def command(pool: Pool, organization_id: str, key_id: str, asked: KeyCommand) -> None:
    write: Write[Any, Any, Any, Any] = Write(
        decider=KEY,
        stream_id=key_id,
        organization_id=organization_id,
        command=lambda _: asked,
        guard=keys_guard(organization_id, PLANS),
        at=now(),
        origin=Origin(seed.OWNER),
    )
    await execute(pool, write, INLINE)


def another_end(at: datetime | None) -> ChangeKey:
    return ChangeKey(at=now(), authority=UNRESTRICTED, known_mcps={}, expires_at=at)


async def days_go_by(pool: Pool, clock: Clock, days: int) -> None:
    for _ in range(days):
        clock.tick(DAY)
        await warn(pool, CONFIG)
        await expire(pool, CONFIG)


async def test_a_year_in_a_keys_life(connections: Pool) -> None:
    with freeze_time(START, real_asyncio=True) as clock:
        organization_id = await seed.organization(connections)
        end = now() + 365 * DAY
        key_id, _ = await seed.key(connections, organization_id, expires_at=end)
        await days_go_by(connections, clock, 400)
        assert await told(connections, organization_id) == [(days, end - days * DAY) for days in (30, 14, 7, 1)]
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


async def test_another_date_arms_all_stages_again(connections: Pool) -> None:
    with freeze_time(START, real_asyncio=True) as clock:
        organization_id = await seed.organization(connections)
        key_id, _ = await seed.key(connections, organization_id, expires_at=now() + 31 * DAY)
        await days_go_by(connections, clock, 20)
        assert [days for days, _ in await told(connections, organization_id)] == [30, 14]
        await command(connections, organization_id, key_id, another_end(now() + 40 * DAY))
        await days_go_by(connections, clock, 45)
        assert [days for days, _ in await told(connections, organization_id)] == [30, 14, 30, 14, 7, 1]


async def test_who_makes_a_key_for_a_few_days_is_told_only_of_what_lies_ahead(connections: Pool) -> None:
    with freeze_time(START, real_asyncio=True) as clock:
        organization_id = await seed.organization(connections)
        await seed.key(connections, organization_id, expires_at=now() + 5 * DAY)
        await warn(connections, CONFIG)
        assert await told(connections, organization_id) == []
        await days_go_by(connections, clock, 6)
        assert [days for days, _ in await told(connections, organization_id)] == [1]


async def test_nobody_is_told_of_a_key_that_does_not_end_or_is_over(connections: Pool) -> None:
    with freeze_time(START, real_asyncio=True) as clock:
        organization_id = await seed.organization(connections)
        cleared, _ = await seed.key(connections, organization_id, expires_at=now() + 40 * DAY)
        revoked, _ = await seed.key(connections, organization_id, expires_at=now() + 40 * DAY)
        disabled, _ = await seed.key(connections, organization_id, expires_at=now() + 40 * DAY)
        await seed.key(connections, organization_id)
        await command(connections, organization_id, cleared, another_end(None))
        census = KeyCounts(active=4, disabled=0, limit=None, plan="team")
        await command(connections, organization_id, revoked, RevokeKey(at=now(), by=seed.OWNER, census=census))
        await command(connections, organization_id, disabled, DisableKey(at=now()))
        await days_go_by(connections, clock, 12)
        async with connections.connection() as connection:
            (state,) = await alerts(connection, organization_id, Filters(), limit=10)
        assert state.alert.key_id == disabled  # it can be enabled again, and ends all the same


async def test_of_stages_that_nobody_could_tell_the_last_is_told(connections: Pool) -> None:
    with freeze_time(START, real_asyncio=True) as clock:
        organization_id = await seed.organization(connections)
        await seed.key(connections, organization_id, expires_at=now() + 40 * DAY)
        await seed.key(connections, organization_id, expires_at=now() + 31 * DAY)
        clock.tick(35 * DAY)  # no worker ran
        await warn(connections, CONFIG)
        assert [days for days, _ in await told(connections, organization_id)] == [7]
        async with connections.connection() as connection:
            assert await due(connection, now(), 10) == []


async def test_two_workers_at_once_tell_each_stage_once(connections: Pool) -> None:
    with freeze_time(START, real_asyncio=True) as clock:
        organization_id = await seed.organization(connections)
        for _ in range(120):
            await seed.key(connections, organization_id, expires_at=now() + 31 * DAY)
        clock.tick(2 * DAY)
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(process_due, Worker(connections, PLANS), ALERTS_DUE, 60)
    assert [days for days, _ in await told(connections, organization_id)] == [30] * 120


async def test_an_alert_and_the_step_to_the_next_stage_are_one(connections: Pool) -> None:
    """Whoever died between them would tell twice, or never again."""
    with freeze_time(START, real_asyncio=True) as clock:
        organization_id = await seed.organization(connections)
        await seed.key(connections, organization_id, expires_at=now() + 31 * DAY)
        clock.tick(2 * DAY)
        async with connections.connection() as connection:
            (key,) = await due(connection, now(), 10)
        await ALERTS_DUE.step(Worker(connections, PLANS), key)
        async with connections.connection() as connection:
            assert await due(connection, now(), 10) == []
        await ALERTS_DUE.step(Worker(connections, PLANS), key)  # someone who had read it before
        assert [days for days, _ in await told(connections, organization_id)] == [30]
