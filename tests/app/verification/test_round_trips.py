"""A batch of verifications makes two round trips to PostgreSQL: the look-up and the append."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest

from app.verification.batch_context import BatchContext
from app.verification.rate_limits import RateLimits
from app.verification.requests import Authenticate, VerificationRequest, VerifyKey
from app.verification.verification import VerificationQueue
from app.verification.verifier import Verifier
from domain.plans.plan import PLANS
from domain.secret import digest
from domain.usage.decision import AccessRequest
from eventstore.group_commit import BatchLimits
from infrastructure.clock import new_id
from infrastructure.database.connections import open_pipeline, pool
from infrastructure.database.pipeline import Pipeline
from tests import seed
from tests.eventstore.counting_proxy import CountingProxy, counting_proxy
from tests.waiting import GENEROUS_TIMEOUTS

pytestmark = pytest.mark.anyio

LIMITS = BatchLimits(deadline_seconds=60)


class Counted(NamedTuple):
    queue: VerificationQueue
    proxy: CountingProxy
    digest: bytes


@asynccontextmanager
async def counted(database_url: str, redis_url: str) -> AsyncGenerator[Counted]:
    """A queue whose connection is open and has prepared its statements, and the digest of a key."""
    async with pool(database_url, timeouts=GENEROUS_TIMEOUTS) as connections:
        organization_id = await seed.organization(connections)
        _, secret = await seed.key(connections, organization_id)
    async with counting_proxy(database_url) as proxy, RateLimits(redis_url, 20) as limits:
        queue = VerificationQueue(
            lambda: open_pipeline(proxy.url, timeouts=GENEROUS_TIMEOUTS), Verifier(PLANS, limits), "p", limits=LIMITS
        )
        async with queue:
            await queue.submit(Authenticate(AccessRequest(digest(secret), "verify", mcp_id=new_id("mcp"))))
            proxy.round_trips = 0
            yield Counted(queue, proxy, digest(secret))


def kinds_of(presented: bytes) -> list[VerificationRequest]:
    own = AccessRequest(presented, "manage")
    return [
        Authenticate(AccessRequest(presented, "call", mcp_id=new_id("mcp"), tool="search")),
        Authenticate(AccessRequest(bytes(32), "verify")),
        VerifyKey(own, AccessRequest(presented, "verify")),
        VerifyKey(own, AccessRequest(presented, "verify", mcp_id=new_id("mcp"))),
        VerifyKey(own, None),
    ]


async def test_every_kind_of_verification_makes_two_round_trips(database_url: str, redis_url: str) -> None:
    async with counted(database_url, redis_url) as each:
        for request in kinds_of(each.digest):
            before = each.proxy.round_trips
            await each.queue.submit(request)
            assert each.proxy.round_trips == before + 2, request


async def test_a_large_batch_makes_two_round_trips(database_url: str, redis_url: str) -> None:
    async with counted(database_url, redis_url) as each:
        before = each.queue.counters.batches
        requests = kinds_of(each.digest) * 50
        await asyncio.gather(*[each.queue.submit(request) for request in requests])
        assert each.queue.counters.batches == before + 1
        assert each.proxy.round_trips == 2


async def test_a_further_round_trip_is_counted(
    database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = BatchContext.load

    async def load_twice(pipeline: Pipeline, *rest: Any, **named: Any) -> BatchContext:  # noqa: ANN401
        await load(pipeline, *rest, **named)
        return await load(pipeline, *rest, **named)

    async with counted(database_url, redis_url) as each:
        monkeypatch.setattr(BatchContext, "load", load_twice)
        await each.queue.submit(Authenticate(AccessRequest(each.digest, "verify")))
        assert each.proxy.round_trips == 3
