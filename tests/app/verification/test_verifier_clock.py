"""The clock that decides a batch of verifications, which the batch reads from the database."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from freezegun import freeze_time

from app.verification.rate_limits import RateLimits
from app.verification.requests import Authenticate
from app.verification.verifier import Verifier
from domain.plans.plan import PLANS
from domain.secret import digest
from domain.usage.decision import AccessRequest
from infrastructure.clock import correct_by, own_now
from infrastructure.database.connections import open_pipeline, pool
from tests import seed
from tests.waiting import GENEROUS_TIMEOUTS

pytestmark = pytest.mark.anyio

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def uncorrected() -> Iterator[None]:
    yield
    correct_by(timedelta(0))


@pytest.mark.parametrize("ahead", [10 * MINUTE, -10 * MINUTE], ids=["fast", "slow"])
async def test_a_local_clock_that_jumped_since_the_last_check_does_not_decide(
    database_url: str, redis_url: str, ahead: timedelta
) -> None:
    actual = own_now()
    async with pool(database_url, timeouts=GENEROUS_TIMEOUTS) as connections:
        organization_id = await seed.organization(connections)
        _, lasting = await seed.key(connections, organization_id, expires_at=actual + 5 * MINUTE)
        _, ended = await seed.key(connections, organization_id, at=actual - 9 * MINUTE, expires_at=actual - 5 * MINUTE)
    requests = [Authenticate(AccessRequest(digest=digest(each), action="verify")) for each in (lasting, ended)]
    async with (
        await open_pipeline(database_url, timeouts=GENEROUS_TIMEOUTS) as pipeline,
        RateLimits(redis_url, 20) as limits,
    ):
        with freeze_time(actual + ahead, real_asyncio=True):
            verified = await Verifier(PLANS, limits)(pipeline, requests)
    assert [decided.result.caller.code for decided in verified.results] == ["valid", "expired_key"]
    assert abs(verified.at - actual) < 4 * MINUTE
