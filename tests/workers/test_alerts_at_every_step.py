"""A job for quota or anomaly alerts is killed before each statement: the next runs raise every alert exactly once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import pytest

from domain.alerts.events import AlertRaised
from domain.plans.overrides import apply_overrides
from eventstore.check import check
from eventstore.lanes import lane_of
from eventstore.reader import read_lifecycle
from infrastructure.clock import now
from infrastructure.database.connections import Pool
from infrastructure.settings import Settings
from projections.registry import INLINE_CHECKS
from tests import seed
from tests.projections.usage.uses import append, used
from tests.workers.killed_at_steps import StepProxy, killed_at, step_proxy
from workers.jobs.aggregate_usage import aggregate
from workers.jobs.detect_anomalies import detect
from workers.jobs.raise_quota_alerts import warn

pytestmark = pytest.mark.anyio

STEPS_MIN = 10
"""A lower count would mean that the proxy counts the wrong messages."""
STEPS_MAX = 500

PLANS = '{"team": {"monthly_requests": 10}}'
CONFIG = Settings(plans=apply_overrides(PLANS))
SETTINGS = {"REDIS_URL": "unix:///nowhere", "KEYLEDGER_PLANS": PLANS}


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[StepProxy]:
    async with step_proxy(database_url) as opened:
        yield opened


async def use_up_a_quota(pool: Pool) -> Counter[str]:
    organization_id = await seed.organization(pool)
    at = now()
    uses = [used("key_a", at, organization_id=organization_id, billed=True) for _ in range(10)]
    async with pool.connection() as connection:
        await append(connection, "p", at, uses)
    return Counter({f"100 per cent of {organization_id}": 1})


async def record_anomalies(pool: Pool) -> Counter[str]:
    """Record many refused uses of a revoked secret, and many unknown keys from one address."""
    organization_id = await seed.organization(pool)
    key_id, _ = await seed.key(pool, organization_id)
    at = now()
    uses = [
        *(used(key_id, at, code="revoked_key", organization_id=organization_id) for _ in range(20)),
        *(
            msgspec.structs.replace(
                used(None, at, code="unauthorized"), organization_id=organization_id, ip="192.0.2.7"
            )
            for _ in range(20)
        ),
    ]
    async with pool.connection() as connection:
        await append(connection, "p", at, uses)
    await aggregate(pool)
    async with pool.connection() as connection:  # simulate the end of the settle delay
        await connection.execute(b"update anomaly_signals set noted_at = noted_at - interval '1 minute'")
    return Counter({f"{key_id} in {organization_id}": 2, f"192.0.2.7 in {organization_id}": 1})


@pytest.mark.parametrize(
    ("job", "make_due", "run"),
    [("raise_quota_alerts", use_up_a_quota, warn), ("detect_anomalies", record_anomalies, detect)],
)
async def test_each_alert_is_raised_once_after_a_kill_at_any_step(
    connections: Pool,
    proxy: StepProxy,
    job: str,
    make_due: Callable[[Pool], Awaitable[Counter[str]]],
    run: Callable[[Pool, Settings], Awaitable[None]],
    record_property: Callable[[str, object], None],
) -> None:
    """Two workers run concurrently afterwards."""
    due: Counter[str] = Counter()
    for step in range(1, STEPS_MAX):
        due += await make_due(connections)
        killed = await killed_at(proxy, step, job, SETTINGS)
        assert await raised(connections) <= due, step
        await asyncio.gather(*[run(connections, CONFIG) for _ in range(2)])
        assert await raised(connections) == due, step
        if not killed:
            break
    else:
        pytest.fail("the job was killed in every attempt")
    assert step > STEPS_MIN
    async with connections.connection() as connection:
        await connection.execute(b"set role none")
        assert (await check(connection, INLINE_CHECKS)).ok
        await connection.execute(b"reset role")
    record_property(job, f"killed before each of {step - 1} statements")


async def raised(pool: Pool) -> Counter[str]:
    """Return the number of alerts in the log by subject."""
    async with pool.connection() as connection:
        rows = await (await connection.execute(b"select organization_id from organization_list")).fetchall()
        recorded = [
            each
            for lane in {lane_of(organization_id) for (organization_id,) in rows}
            for each in await read_lifecycle(connection, lane, 0, 100_000)
        ]
    alerts = [each.event for each in recorded if isinstance(each.event, AlertRaised)]
    return Counter(
        f"{alert.numbers['percentage']} per cent of {alert.organization_id}"
        if alert.alert_type == "usage.threshold"
        else f"{alert.key_id or alert.numbers['address']} in {alert.organization_id}"
        for alert in alerts
    )
