"""Plans configured by the operator, with every limit."""

import json

import pytest

from tests.app.conftest import StartApi
from tests.app.organizations import Api

PLANS = {"free": {"api_keys": 3, "mcps": 1, "team_members": 2, "monthly_requests": 4, "requests_per_second": 7}}


@pytest.fixture(scope="module")
def configured(start_api: StartApi) -> Api:
    return start_api(KEYLEDGER_PLANS=json.dumps(PLANS))


def test_every_configured_limit_is_enforced(configured: Api) -> None:
    org = configured.organization("free")
    key = org.key(permissions={"mcps": "*"})
    org.key()
    refused = org.client.post("/v1/api-keys", {"name": "One too many"})
    assert (refused.code, refused.details) == ("key_limit_reached", {"limit": 3, "used": 3, "plan": "free"})
    org.mcp()
    mcp = {"name": "Files", "endpoint_url": "https://mcp.example.com/mcp", "auth_type": "none"}
    refused = org.client.post("/v1/mcps", mcp)
    assert (refused.code, refused.details) == ("mcp_limit_reached", {"limit": 1, "used": 1, "plan": "free"})
    uses = [key.client.get(key.check_path) for _ in range(5)]
    assert [use.status for use in uses] == [200] * 4 + [429]
    assert uses[-1].code == "quota_exceeded"
    assert uses[0].headers["x-ratelimit-limit"] == "7"
    limits = org.client.get("/v1/organization").data["limits"]
    assert limits == {"mcps": 1, "api_keys": 3, "team_members": 2, "monthly_requests": 4}


def test_a_plan_that_is_not_configured_has_the_default_limits(configured: Api) -> None:
    limits = configured.organization("pro").client.get("/v1/organization").data["limits"]
    assert limits == {"mcps": 15, "api_keys": 10, "team_members": 5, "monthly_requests": 50_000}
