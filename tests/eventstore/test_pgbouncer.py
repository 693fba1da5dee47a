"""Group commit through PgBouncer, which works only if the pooler gives every session the requested settings."""

import asyncio
from collections.abc import Iterator, Sequence

import psycopg
import pytest

from eventstore.group_commit import BatchLimits, BatchResult, GroupCommit, ItemResult
from infrastructure.clock import now
from infrastructure.database.connections import Connection, Timeouts, open_pipeline
from infrastructure.database.errors import SettingsNotApplied
from infrastructure.database.pipeline import Pipeline
from tests.eventstore.changes import value
from tests.eventstore.pgbouncer import pgbouncer
from tests.eventstore.pipelines import selected
from tests.projections.usage.uses import used

pytestmark = pytest.mark.anyio

LIMITS = Timeouts(connect=20)
SETTINGS = {
    "role": "keyledger_gate",
    "lock_timeout": "1500ms",
    "statement_timeout": "5s",
    "idle_in_transaction_session_timeout": "5s",
    "client_connection_check_interval": "500ms",
    "timezone": "UTC",
    "search_path": "public",
    "row_security": "on",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
}


@pytest.fixture
def pooled_url(database_url: str) -> Iterator[str]:
    with pgbouncer(database_url, SETTINGS) as url:
        yield url


async def record_uses(pipeline: Pipeline, items: Sequence[str]) -> BatchResult[str]:
    await selected(pipeline, "1")
    at = now()
    return BatchResult(at, [ItemResult(name, used(name, at)) for name in items])


async def test_a_session_without_the_settings_is_refused(database_url: str) -> None:
    reason = "current_user is keyledger instead of keyledger_gate"
    with pgbouncer(database_url, {}) as url, pytest.raises(SettingsNotApplied, match=reason):
        await open_pipeline(url, timeouts=LIMITS)


async def test_a_session_with_custom_plans_is_refused(database_url: str) -> None:
    settings = SETTINGS | {"plan_cache_mode": "auto"}
    with pgbouncer(database_url, settings) as url, pytest.raises(SettingsNotApplied) as refused:
        await open_pipeline(url, timeouts=LIMITS)
    assert refused.value.differences == ("plan_cache_mode is auto instead of force_generic_plan",)


async def test_group_commit_works_through_a_pooler(pooled_url: str, connection: Connection) -> None:
    """Each group commit takes over the session of the one before, whose statements the pooler has forgotten."""
    for number in range(3):
        group = GroupCommit[str, str](
            lambda: open_pipeline(pooled_url, timeouts=LIMITS),
            record_uses,
            f"p{number}",
            writers=2,
            limits=BatchLimits(deadline_seconds=60),
        )
        async with group:
            names = [f"key_{number}_{each}" for each in range(50)]
            assert await asyncio.gather(*[group.submit(name) for name in names]) == names
        assert group.counters.failures == 0
    assert await value(connection, "select count(distinct key_id) from usage_events") == 150


async def test_a_cancelled_call_leaves_no_result_to_the_next_client_of_its_session(database_url: str) -> None:
    with pgbouncer(database_url, SETTINGS, pool_size=1) as url:
        for number in range(5):
            first = await open_pipeline(url, timeouts=LIMITS)
            call = asyncio.create_task(selected(first, f"cancelled {number}"))
            await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            async with await open_pipeline(url, timeouts=LIMITS) as second:
                assert await selected(second, "next", "and next") == ["next", "and next"]


async def test_an_error_reaches_the_caller_through_a_pooler(pooled_url: str) -> None:
    async with await open_pipeline(pooled_url, timeouts=LIMITS) as pipeline:
        with pytest.raises(psycopg.errors.DivisionByZero):
            await pipeline.execute(b"select 1 / 0")
        assert await selected(pipeline, "a") == ["a"]
