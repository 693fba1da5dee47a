"""A batch of verifications is decided by the clock that it reads itself, in the database."""

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
from infrastructure.database.connections import AUTH_ROLE, connect, pool
from tests import seed
from tests.waiting import GENEROUS_TIMEOUTS

pytestmark = pytest.mark.anyio

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def uncorrected() -> Iterator[None]:
    yield
    correct_by(timedelta(0))


@pytest.mark.parametrize("ahead", [10 * MINUTE, -10 * MINUTE], ids=["fast", "slow"])
async def test_a_clock_that_leapt_since_it_was_looked_at_last_decides_nothing(
    database_url: str, redis_url: str, ahead: timedelta
) -> None:
    actual = own_now()
    async with pool(database_url, timeouts=GENEROUS_TIMEOUTS) as connections:
        organization_id = await seed.organization(connections)
        _, lasting = await seed.key(connections, organization_id, expires_at=actual + 5 * MINUTE)
        _, over = await seed.key(connections, organization_id, at=actual - 9 * MINUTE, expires_at=actual - 5 * MINUTE)
    questions = [Authenticate(AccessRequest(digest=digest(each), action="verify")) for each in (lasting, over)]
    async with (
        await connect(database_url, role=AUTH_ROLE, timeouts=GENEROUS_TIMEOUTS) as connection,
        RateLimits(redis_url, 20) as limits,
    ):
        with freeze_time(actual + ahead, real_asyncio=True):
            judged = await Verifier(PLANS, limits)(connection, questions)
    assert [decided.result.caller.code for decided in judged.results] == ["valid", "expired_key"]
    assert abs(judged.at - actual) < 4 * MINUTE
