"""Quota alerts are raised at 80, 95 and 100 percent of the monthly requests, once each."""

import anyio
import pytest
from msgspec.structs import replace

from domain.alerts.events import AlertRaised
from domain.plans.overrides import apply_overrides
from eventstore.lanes import lane_of
from eventstore.reader import read_lifecycle
from infrastructure.clock import now
from infrastructure.database.connections import Pool
from infrastructure.settings import Settings
from tests import seed
from tests.projections.usage.uses import append, used
from workers.jobs.raise_quota_alerts import warn

pytestmark = pytest.mark.anyio

CONFIG = Settings(plans=apply_overrides('{"team": {"monthly_requests": 100}}'))


async def use(pool: Pool, organization_id: str, times: int) -> None:
    uses = [used("key_a", now(), organization_id=organization_id, billed=True) for _ in range(times)]
    async with pool.connection() as connection:
        await append(connection, "p", now(), uses)


async def raised_alerts(pool: Pool, organization_id: str) -> list[tuple[object, object]]:
    async with pool.connection() as connection:
        recorded = await read_lifecycle(connection, lane_of(organization_id), 0, 1_000)
    events = [each.event for each in recorded if each.record.organization_id == organization_id]
    return [(e.numbers["percentage"], e.numbers["used"]) for e in events if isinstance(e, AlertRaised)]


async def test_each_stage_is_raised_once_by_concurrent_workers(connections: Pool) -> None:
    organization_id = await seed.organization(connections)
    await use(connections, organization_id, 79)
    await warn(connections, CONFIG)
    assert await raised_alerts(connections, organization_id) == []
    for times, stage in ((1, (80, 80)), (16, (95, 96)), (10, (100, 106))):
        await use(connections, organization_id, times)
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(warn, connections, CONFIG)
        assert (await raised_alerts(connections, organization_id))[-1] == stage
    assert len(await raised_alerts(connections, organization_id)) == 3


async def test_another_limit_has_separate_stages(connections: Pool) -> None:
    organization_id = await seed.organization(connections)
    await use(connections, organization_id, 96)
    await warn(connections, CONFIG)
    larger = replace(CONFIG, plans=apply_overrides('{"team": {"monthly_requests": 110}}'))
    await warn(connections, larger)
    await warn(connections, larger)
    unlimited = replace(CONFIG, plans=apply_overrides('{"team": {"monthly_requests": null}}'))
    await warn(connections, unlimited)
    assert await raised_alerts(connections, organization_id) == [(95, 96), (80, 96)]
