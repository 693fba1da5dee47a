"""Rate limits in a real Valkey: exact within a batch, shared by all processes, and open if Valkey is down."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
import redis

from app.verification.rate_limits import RateCheck, RateCheckResult, RateLimits
from domain.usage.rates import Rate
from embedded.valkey import Valkey
from tests.random_input import random_bytes
from tests.workers.log_view import eventually

pytestmark = pytest.mark.anyio

ORGANIZATION = Rate("org", 100, 25)
TIMEOUT_SECONDS = 10.0


def take(*rates: Rate) -> RateCheck:
    return RateCheck(rates, rates)


def passed(taken: list[RateCheckResult]) -> int:
    return sum(each.refused_by is None for each in taken)


@pytest.fixture
async def limits(redis_url: str) -> AsyncIterator[RateLimits]:
    async with RateLimits(redis_url, TIMEOUT_SECONDS) as opened:
        yield opened


@pytest.fixture
def inside(redis_url: str) -> Iterator[Any]:
    with cast("Any", redis.Redis).from_url(redis_url) as client:
        yield client


async def test_as_many_requests_pass_together_as_the_burst_allows(limits: RateLimits) -> None:
    taken = await limits.check([take(ORGANIZATION)] * 30)
    assert [each.refused_by for each in taken] == [None] * 25 + [ORGANIZATION] * 5
    assert limits.counts.limited == 5
    states = [each.status for each in taken]
    assert {(state.limit, state.remaining, state.retry_after) for state in states if state} == {(100, 0, 1)}


async def test_valkey_is_not_called_without_limits(limits: RateLimits) -> None:
    assert await limits.check([RateCheck(), RateCheck()]) == [RateCheckResult(), RateCheckResult()]
    assert await limits.check([]) == []
    assert limits.counts.calls == 0


async def test_all_processes_share_the_counts(limits: RateLimits, redis_url: str) -> None:
    async with RateLimits(redis_url, TIMEOUT_SECONDS) as another:
        loop = asyncio.get_running_loop()
        began = loop.time()
        taken = await asyncio.gather(*[each.check([take(ORGANIZATION)] * 20) for each in (limits, another) * 3])
        seconds = loop.time() - began
    assert 25 <= passed([each for some in taken for each in some]) <= 25 + 100 * seconds + 1


async def test_capacity_returns_evenly(limits: RateLimits) -> None:
    loop = asyncio.get_running_loop()
    began, count = loop.time(), 0
    while count <= 25 or loop.time() - began < 0.5:
        count += passed(await limits.check([take(ORGANIZATION)] * 40))
        await asyncio.sleep(0.005)
    seconds = loop.time() - began
    assert 25 < count <= 25 + 100 * seconds + 1


async def test_a_request_passes_all_of_its_limits_or_counts_towards_none(limits: RateLimits) -> None:
    key = Rate("key", 2, 2)
    taken = await limits.check([take(key, ORGANIZATION)] * 5)
    assert [each.refused_by for each in taken] == [None, None, key, key, key]
    # Three were refused by the limit of the key, so the organization has 23 left for other keys.
    assert passed(await limits.check([take(Rate("other", 1_000, 250), ORGANIZATION)] * 40)) >= 23


async def test_the_tightest_limit_is_reported(limits: RateLimits) -> None:
    (taken,) = await limits.check([take(Rate("key", 50, 12), ORGANIZATION)])
    assert taken.status is not None
    assert (taken.status.limit, taken.status.remaining) == (50, 11)


async def test_a_limit_that_is_only_reported_is_not_counted(limits: RateLimits) -> None:
    for _ in range(3):
        (taken,) = await limits.check([RateCheck((), (ORGANIZATION,))])
        assert taken.status is not None
        assert taken.status.remaining == 25


@pytest.mark.parametrize("per_second", [1, 3, 7, 999, 333_333, 1_000_000])
async def test_every_rate_admits_exactly_its_burst(limits: RateLimits, per_second: int) -> None:
    rate = Rate("key", per_second, min(per_second, 300))
    assert passed(await limits.check([take(rate)] * 400)) == rate.burst


async def test_a_lowered_limit_applies_immediately(limits: RateLimits) -> None:
    await limits.check([take(Rate("key", 100, 1_000))] * 900)
    assert passed(await limits.check([take(Rate("key", 1, 1))] * 5)) == 0


async def test_a_count_far_in_the_future_is_reset(limits: RateLimits, inside: Any) -> None:  # noqa: ANN401 -- redis is not typed
    """This happens after the clock of Valkey was set back by an hour."""
    rate = Rate("key", 1, 1)
    inside.set("keyledger:rate:key", f"{(time.time() + 3_600 - 1_700_000_000) * 1e6:.3f}")
    assert passed(await limits.check([take(rate)])) == 0

    async def passes() -> bool:
        return passed(await limits.check([take(rate)])) == 1

    await eventually(passes)


async def test_a_count_expires_when_it_has_no_effect_any_longer(limits: RateLimits, inside: Any) -> None:  # noqa: ANN401 -- redis is not typed
    await limits.check([take(Rate("key", 1, 3))] * 3)
    assert 0 < inside.pttl("keyledger:rate:key") <= 3_000

    async def is_gone() -> bool:
        return not inside.exists("keyledger:rate:key")

    await eventually(is_gone)


async def test_a_script_that_valkey_no_longer_has_is_sent_again(limits: RateLimits, inside: Any) -> None:  # noqa: ANN401 -- redis is not typed
    slow = Rate("key", 1, 1)
    assert passed(await limits.check([take(slow)])) == 1
    inside.script_flush()
    assert passed(await limits.check([take(Rate("another", 1, 1))] * 3)) == 1
    assert limits.counts.failures == 0


async def test_a_restart_of_valkey_causes_no_failures(limits: RateLimits, valkey: Valkey) -> None:
    await limits.check([take(ORGANIZATION)])
    valkey.stop()
    valkey.start()
    assert passed(await limits.check([take(Rate("key", 3, 3))] * 9)) == 3
    assert limits.counts.failures == 0


async def test_without_valkey_all_requests_pass_and_are_counted_as_failed_open(
    limits: RateLimits, valkey: Valkey
) -> None:
    valkey.stop()
    try:
        for _ in range(4):
            taken = await limits.check([take(ORGANIZATION)] * 30)
            assert passed(taken) == 30
            # Nothing is counted, so the full burst remains.
            assert {each.status.remaining for each in taken if each.status} == {25}
        assert (limits.counts.failed_open, limits.counts.failures) == (120, 1)
        # Only one request tried Valkey. The others neither waited nor tried.
        assert limits.counts.calls == 1
    finally:
        valkey.start()
    await eventually(lambda: _counts(limits))


async def test_only_one_request_waits_for_a_valkey_that_hangs_and_only_briefly(redis_url: str, valkey: Valkey) -> None:
    loop = asyncio.get_running_loop()
    async with RateLimits(redis_url, timeout_seconds=0.1) as limits:
        await limits.check([take(ORGANIZATION)])
        with _hanging(valkey):
            began = loop.time()
            assert passed(await limits.check([take(ORGANIZATION)] * 50)) == 50
            assert 0.05 <= loop.time() - began < 5
            assert passed(await limits.check([take(ORGANIZATION)] * 50)) == 50
            assert limits.counts.failures == 1
        # A late response is not used for another request.
        await eventually(lambda: _counts(limits))


async def test_without_a_reachable_valkey_from_the_start_nothing_is_limited() -> None:
    async with RateLimits("") as limits:
        assert passed(await limits.check([take(ORGANIZATION)] * 50)) == 50
        assert limits.counts.failed_open == 50
    async with RateLimits("redis://127.0.0.1:1/0") as limits:
        assert passed(await limits.check([take(ORGANIZATION)] * 50)) == 50
        assert limits.counts.failures == 1


async def _counts(limits: RateLimits) -> bool:
    """Return whether a burst of three admits three requests again."""
    return passed(await limits.check([take(Rate(random_bytes(4).hex(), 3, 3))] * 9)) == 3


@contextmanager
def _hanging(valkey: Valkey) -> Generator[None]:
    assert valkey.process is not None
    os.kill(valkey.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(valkey.process.pid, signal.SIGCONT)
