"""Requests of a batch that cannot be decided differently share a decision, and all others are decided separately."""

import pytest
from msgspec.structs import replace

from app.verification import batch_context
from app.verification.rate_limits import RateLimits
from app.verification.requests import Authenticate, VerificationResult, VerifyKey
from app.verification.verifier import Verifier
from domain.plans.plan import PLANS
from domain.secret import digest
from domain.usage.decision import AccessDecision, AccessRequest
from domain.usage.events import KeyUsed
from eventstore.group_commit import BatchResult
from infrastructure.database.connections import open_pipeline, pool
from tests import seed
from tests.waiting import GENEROUS_TIMEOUTS

pytestmark = pytest.mark.anyio


@pytest.fixture
async def presented(database_url: str) -> AccessRequest:
    """A request of a key that is allowed from one network."""
    async with pool(database_url, timeouts=GENEROUS_TIMEOUTS) as connections:
        organization_id = await seed.organization(connections)
        _, secret = await seed.key(connections, organization_id, allowed_ips=("10.0.0.0/8",))
    return AccessRequest(digest(secret), "verify", ip="10.0.0.1", request_id="req_1", user_agent="Agent/1")


async def verified(
    database_url: str, redis_url: str, requests: list[Authenticate | VerifyKey]
) -> BatchResult[VerificationResult]:
    async with (
        await open_pipeline(database_url, timeouts=GENEROUS_TIMEOUTS) as pipeline,
        RateLimits(redis_url, 20) as limits,
    ):
        return await Verifier(PLANS, limits)(pipeline, requests)


async def test_a_caller_of_many_requests_is_decided_once(
    database_url: str, redis_url: str, presented: AccessRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[AccessRequest] = []
    decide = batch_context.decide

    def counted(request: AccessRequest, *facts: object) -> AccessDecision:
        made.append(request)
        return decide(request, *facts)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(batch_context, "decide", counted)
    caller = replace(presented, action="manage")
    batch = await verified(
        database_url,
        redis_url,
        [VerifyKey(replace(caller, request_id=f"req_{number}"), presented) for number in range(64)],
    )
    assert [each.result.subject.code for each in batch.results] == ["valid"] * 64
    assert [request.action for request in made] == ["manage", "verify"]


async def test_requests_from_different_addresses_are_decided_separately(
    database_url: str, redis_url: str, presented: AccessRequest
) -> None:
    addresses = ["10.0.0.1", "192.0.2.1", "10.0.0.1", None, "10.0.0.2"]
    batch = await verified(
        database_url, redis_url, [Authenticate(replace(presented, ip=address)) for address in addresses]
    )
    assert [each.result.caller.code for each in batch.results] == [
        "valid",
        "ip_not_permitted",
        "valid",
        "ip_not_permitted",
        "valid",
    ]


async def test_a_shared_decision_is_recorded_with_each_request(
    database_url: str, redis_url: str, presented: AccessRequest
) -> None:
    requests = [replace(presented, request_id=f"req_{number}", user_agent=f"Agent/{number}") for number in range(3)]
    batch = await verified(database_url, redis_url, [Authenticate(request) for request in requests])
    events = [each.event for each in batch.results if isinstance(each.event, KeyUsed)]
    assert [(event.request_id, event.user_agent) for event in events] == [
        (request.request_id, request.user_agent) for request in requests
    ]
    assert len({event.id for event in events}) == 3


async def test_an_invalid_request_does_not_share_the_outcome_of_a_valid_one(
    database_url: str, redis_url: str, presented: AccessRequest
) -> None:
    requests = [presented, replace(presented, invalid=True), presented]
    batch = await verified(database_url, redis_url, [Authenticate(request) for request in requests])
    assert [each.result.caller.code for each in batch.results] == ["valid", "invalid_request", "valid"]
