"""A job or projection cancelled at any await leaves the connections of its pool usable."""

import base64
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from importlib import import_module
from inspect import get_annotations, iscoroutinefunction, signature
from pkgutil import iter_modules
from typing import Any

import pytest

import workers.jobs
from app.observability.health.log_status import log_state
from infrastructure.clock import now
from infrastructure.database.connections import WORKER_ROLE, Pool, pool
from infrastructure.setting import WORKERS
from infrastructure.settings import Settings
from projections.engine.runner import run_projection
from projections.registry import ASYNC_PROJECTIONS
from tests import seed
from tests.interrupting import (
    INTERRUPTING,
    cancelled_everywhere,
)
from tests.projections.usage.uses import append, used
from tests.waiting import GENEROUS_TIMEOUTS

pytestmark = INTERRUPTING

AWAITS_MIN = 3
CONNECTIONS = 3

SETTINGS = {"KEYLEDGER_MASTER_KEY": base64.b64encode(bytes(32)).decode(), "KEYLEDGER_MAIL_FILE": os.devnull}

Run = Callable[[Pool, Settings], Awaitable[object]]


def job_functions() -> dict[str, Run]:
    """Return the function of each job that uses a pool, by module; `apply_retention` opens its own connection."""
    found: dict[str, Run] = {}
    for module in iter_modules(workers.jobs.__path__):
        loaded = import_module(f"workers.jobs.{module.name}")
        for name, function in vars(loaded).items():
            is_own = iscoroutinefunction(function) and function.__module__ == loaded.__name__
            if is_own and not name.startswith("_") and next(iter(get_annotations(function))) == "pool":
                found[module.name] = _with_parameters(function, len(signature(function).parameters))
    return found


def _with_parameters(function: Any, parameters: int) -> Run:  # noqa: ANN401 -- of any job
    return lambda connections, config: function(*(connections, config)[:parameters])


def projection_run(follower: Any) -> Run:  # noqa: ANN401 -- of any log
    async def run(connections: Pool, _: Settings) -> None:
        async with connections.connection() as connection:
            await run_projection(connection, follower, 60)

    return run


RUNS: dict[str, Run] = {
    **job_functions(),
    **{f"follow {follower.name}": projection_run(follower) for follower in ASYNC_PROJECTIONS},
    "health": lambda connections, _: log_state(connections),
}


@pytest.fixture
async def small_pool(database_url: str) -> AsyncIterator[Pool]:
    async with pool(database_url, role=WORKER_ROLE, size_max=CONNECTIONS, timeouts=GENEROUS_TIMEOUTS) as opened:
        yield opened


def test_every_job_except_the_one_without_a_pool_is_covered() -> None:
    jobs = {module.name for module in iter_modules(workers.jobs.__path__)}
    assert jobs - set(RUNS) == {"apply_retention"}


async def create_work(connections: Pool) -> None:
    """Create uses and changes of an hour, and an expired key."""
    organization_id = await seed.organization(connections)
    at = now()
    key_id, _ = await seed.key(
        connections, organization_id, at=at - timedelta(days=2), expires_at=at - timedelta(days=1)
    )
    async with connections.connection() as connection:
        await append(connection, "p", at, [used(key_id, at, organization_id=organization_id) for _ in range(3)])


@pytest.mark.parametrize("name", RUNS)
async def test_a_run_cancelled_at_any_await_leaves_its_pool_usable(
    small_pool: Pool, redis_url: str, database_url: str, name: str, record_property: Callable[[str, object], None]
) -> None:
    config = Settings.from_environment({"DATABASE_URL": database_url, "REDIS_URL": redis_url, **SETTINGS}, WORKERS)
    awaits = 0
    await create_work(small_pool)
    async for at in cancelled_everywhere(lambda: RUNS[name](small_pool, config), "while it waits"):
        awaits = at
        if at % 10 == 0:
            await create_work(small_pool)
        borrowed = [await small_pool.getconn() for _ in range(CONNECTIONS)]
        for connection in borrowed:
            row = await (
                await connection.execute("select current_user::text, current_setting('search_path')")
            ).fetchone()
            assert row == (WORKER_ROLE, "public")
            async with connection.pipeline(), connection.transaction():
                await connection.execute("select 1")
            await connection.execute("select 1; select 2")
            await small_pool.putconn(connection)
    assert awaits >= AWAITS_MIN
    record_property(f"awaits of {name} at which it was cut off", awaits)
