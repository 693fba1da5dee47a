"""A batch of rate limit checks that is cancelled at any await does not affect the next batch."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest
import redis

from app.observability.health.worker_status import jobs_state
from app.verification.rate_limits import RateCheck, RateLimits
from domain.usage.rates import Rate
from tests.interrupting import (
    INTERRUPTING,
    MOMENTS,
    Moment,
    cancelled_everywhere,
)
from tests.workers.log_view import eventually

pytestmark = INTERRUPTING

AWAITS_MIN = 2
BATCH_AWAITS_MIN = 1
"""On a connection that is open, a batch waits only for the answer. `test_valkey_script.py` interrupts connecting."""
TIMEOUT_SECONDS = 20.0
WIDE = Rate("wide", 1_000_000, 1_000_000)


def narrow(name: str) -> Rate:
    """Return a limit that admits two requests together, and then none for a long time."""
    return Rate(name, 1, 2)


@pytest.fixture
async def limits(redis_url: str) -> AsyncIterator[RateLimits]:
    async with RateLimits(redis_url, TIMEOUT_SECONDS) as opened:
        yield opened


def take(*rates: Rate) -> RateCheck:
    return RateCheck(rates, rates)


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_batch_that_is_cancelled_at_any_await_does_not_mix_up_the_responses_of_the_next_one(
    limits: RateLimits, moment: Moment, record_property: Callable[[str, object], None]
) -> None:
    awaits = 0
    async for at in cancelled_everywhere(lambda: limits.check([take(WIDE)] * 7), moment):
        # The responses have different lengths, so that a response of another batch would be noticed.
        for size in (3, 1, 4, 2, 5):
            cell = narrow(f"{moment}/{at}/{size}")
            taken = await limits.check([take(cell)] * size)
            assert [each.refused_by for each in taken] == [None, None, cell, cell, cell][:size]
        awaits += 1
    assert awaits >= BATCH_AWAITS_MIN
    assert limits.counts.failed_open == 0
    assert limits.counts.failures == awaits, "every cancellation is counted"
    record_property(f"awaits of a batch of rate limits at which it was cancelled {moment}", awaits)


async def test_many_batches_that_are_cancelled_together_leak_no_connections(limits: RateLimits) -> None:
    for turns in range(40):
        tasks = [asyncio.create_task(limits.check([take(WIDE)])) for _ in range(8)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    limits.counts.failed_open = 0
    cell = narrow("afterwards")
    taken = await asyncio.gather(*[limits.check([take(cell)]) for _ in range(8)])
    assert sum(each.refused_by is None for (each,) in taken) == 2
    assert limits.counts.failed_open == 0


async def test_a_cancelled_check_of_the_workers_leaks_no_connection(redis_url: str) -> None:
    awaits = 0
    with cast("Any", redis.Redis).from_url(redis_url) as client:
        # Servers of other tests of this process use the same Valkey.
        before = {each["id"] for each in client.client_list(_type="normal")}
        async for _ in cancelled_everywhere(lambda: jobs_state(redis_url), "while it waits"):
            assert (await jobs_state(redis_url)).workers == 0
            awaits += 1
        assert awaits >= AWAITS_MIN
        gc.collect()

        async def none_is_left() -> bool:
            return {each["id"] for each in client.client_list(_type="normal")} <= before

        await eventually(none_is_left)
