"""The monthly quota: billed uses, the refusal at the limit and concurrent requests."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from domain.actor import UserActor
from domain.organizations.commands import ChangePlan
from domain.organizations.decider import ORGANIZATION
from domain.plans.plan import PlanName
from domain.usage.quota import month_of, next_month
from eventstore.execute import Write, execute, no_guard
from eventstore.recorded import Origin
from infrastructure.clock import new_id, now
from infrastructure.database.connections import pool
from projections.registry import INLINE
from tests.app.client import Response, concurrently
from tests.app.organizations import Api, Key, Organization

LIMIT = 50_000  # of the plan "pro"
LANE = 63
"""Any lane will do; a process may have written to every lane."""


@pytest.fixture
def org(api: Api) -> Organization:
    return api.organization("pro")


def add_uses(api: Api, org: Organization, uses: int, at: datetime | None = None) -> None:
    query = "insert into billed_uses (organization_id, month, lane, uses) values (%s, %s, %s, %s)"
    api.database.rows(query, org.id, month_of(at or now()), LANE, uses)


def billed(api: Api, org: Organization) -> int:
    query = "select coalesce(sum(uses), 0)::int from billed_uses where organization_id = %s and month = %s"
    used: int = api.database.rows(query, org.id, month_of(now()))[0][0]
    return used


def check(key: Key) -> Response:
    return key.client.get(key.check_path)


def test_only_accepted_uses_of_live_keys_are_billed(api: Api, org: Organization) -> None:
    live, test = org.seeded_key(), org.seeded_key(environment="test")
    denied = org.seeded_key(allowed_ips=("203.0.113.0/24",))
    org.client.get("/v1/api-keys")
    assert check(live).status == check(test).status == 200
    assert org.verify(live.secret)["remaining"] == LIMIT - 2
    assert "remaining" not in org.verify(test.secret)
    assert check(denied).status == 403
    assert billed(api, org) == 2


def test_a_failed_call_is_billed(api: Api, org: Organization) -> None:
    mcp_id = org.mcp(endpoint_url="http://127.0.0.1:9/mcp")
    key = org.seeded_key()
    assert key.client.post("/v1/mcp/invoke", {"mcp_id": mcp_id, "tool": "add"}).code == "mcp_unreachable"
    assert billed(api, org) == 1


def test_uses_over_the_quota_are_refused_until_the_next_month(api: Api, org: Organization) -> None:
    add_uses(api, org, LIMIT - 1)
    key = org.seeded_key()
    assert check(key).status == 200
    answer = check(key)
    resets_at = next_month(now())
    assert (answer.status, answer.code) == (429, "quota_exceeded")
    assert answer.details == {
        "limit": LIMIT,
        "used": LIMIT,
        "plan": "pro",
        "resets_at": f"{resets_at:%Y-%m-%dT%H:%M:%S}Z",
    }
    seconds = (resets_at - datetime.now(UTC)).total_seconds()
    assert seconds - 1 <= int(answer.headers["retry-after"]) <= seconds + 60
    verified = org.verify(key.secret)
    assert (verified["valid"], verified["code"], verified["remaining"]) == (False, "quota_exceeded", 0)
    called = key.client.post("/v1/mcp/invoke", {"mcp_id": org.mcp(endpoint_url="http://127.0.0.1:9/mcp"), "tool": "t"})
    assert called.code == "quota_exceeded"
    assert [use["reason"] for use in org.activity(key, type="api_key.used")[:3]] == ["quota_exceeded"] * 3
    assert billed(api, org) == LIMIT


def test_the_quota_does_not_limit_management_calls_or_test_keys(api: Api, org: Organization) -> None:
    add_uses(api, org, LIMIT)
    assert org.client.post("/v1/api-keys", {"name": "N"}).status == 201
    assert check(org.seeded_key(environment="test")).status == 200


def test_concurrent_requests_do_not_exceed_the_quota(api: Api, org: Organization) -> None:
    add_uses(api, org, LIMIT - 5)
    key = org.seeded_key()
    answers = concurrently(range(40), lambda _: org.verify(key.secret))
    # The rate limit may refuse some requests, so fewer than five may be accepted at first.
    accepted = sum(answer["valid"] for answer in answers)
    while accepted < 5:
        accepted += org.verify(key.secret)["valid"]
    assert accepted == 5
    assert org.verify(key.secret)["code"] == "quota_exceeded"
    assert billed(api, org) == LIMIT


def test_uses_of_another_month_do_not_count(api: Api, org: Organization) -> None:
    add_uses(api, org, LIMIT, month_start() - timedelta(days=1))
    add_uses(api, org, LIMIT, next_month(now()))
    assert org.verify(org.seeded_key().secret)["remaining"] == LIMIT - 1


def test_the_quota_of_a_new_plan_applies_immediately(api: Api, org: Organization) -> None:
    add_uses(api, org, LIMIT)
    key = org.seeded_key()
    assert check(key).code == "quota_exceeded"
    change_plan(api, org, "team")
    assert org.verify(key.secret)["remaining"] == 500_000 - LIMIT - 1
    change_plan(api, org, "enterprise")
    assert "remaining" not in org.verify(key.secret)
    change_plan(api, org, "free")
    assert org.verify(key.secret)["code"] == "quota_exceeded"


def month_start() -> datetime:
    month = month_of(now())
    return datetime(month.year, month.month, 1, tzinfo=UTC)


def change_plan(api: Api, org: Organization, plan: PlanName) -> None:
    async def change() -> None:
        async with pool(api.database.url) as connections:
            await execute(connections, write, INLINE)

    by = UserActor(new_id("user"))
    write = Write(
        decider=ORGANIZATION,
        stream_id=org.id,
        organization_id=org.id,
        command=lambda _: ChangePlan(plan=plan),
        guard=no_guard(),
        at=now(),
        origin=Origin(by),
    )
    asyncio.run(change())
