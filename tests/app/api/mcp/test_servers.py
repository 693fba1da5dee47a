"""GET /v1/mcp/servers: only the MCPs and tools that the calling key may use."""

from typing import Any

import pytest

from domain.keys.permissions import Permissions
from tests.app.api.mcp.conftest import Upstream
from tests.app.api.mcps.test_update import change
from tests.app.organizations import Api, Key, Organization

ALL = {"add", "word_count", "wait", "fail"}


def mcp_with_tools(org: Organization, upstream: Upstream, **mcp: object) -> str:
    mcp_id: str = org.mcp(endpoint_url=upstream.url, **mcp)
    org.client.post(f"/v1/mcps/{mcp_id}/test")
    return mcp_id


def reached(key: Key) -> dict[str, set[str]]:
    answer = key.client.get("/v1/mcp/servers")
    assert answer.status == 200
    return {server["id"]: {tool["name"] for tool in server["tools"]} for server in answer.data}


def test_a_key_without_grants_lists_the_mcps_that_it_may_use(org: Organization, upstream: Upstream) -> None:
    mcp_id = mcp_with_tools(org, upstream, name="Example")
    other = org.mcp(name="Not permitted")
    key = org.key(permissions={"mcps": [mcp_id]})
    answer = key.client.get("/v1/mcp/servers")
    (server,) = answer.data
    assert set(server) == {"id", "name", "health", "tools"}
    assert (server["id"], server["name"], server["health"]) == (mcp_id, "Example", "healthy")
    assert {tool["name"] for tool in server["tools"]} == ALL
    assert {"name": "add", "description": "Add numbers and return their sum."} in server["tools"]
    assert other not in str(answer.json)


def test_only_tools_that_the_key_may_call_are_listed(org: Organization, upstream: Upstream) -> None:
    mcp_id = mcp_with_tools(org, upstream)
    rules: list[tuple[dict[str, list[str]], set[str]]] = [
        ({}, ALL),
        ({"allow": ["a*", "wait"]}, {"add", "wait"}),
        ({"deny": ["w*"]}, {"add", "fail"}),
        ({"allow": ["*"], "deny": ["fail", "add"]}, {"word_count", "wait"}),
        ({"allow": ["add"], "deny": ["*"]}, set()),
        ({"allow": []}, set()),
    ]
    for rule, tools in rules:
        key = org.key(permissions={"mcps": "*", "tools": {mcp_id: rule}})
        assert reached(key) == {mcp_id: tools}
        for tool in ALL:
            called = key.client.post("/v1/mcp/invoke", {"mcp_id": mcp_id, "tool": tool, "arguments": {"seconds": 0}})
            assert ("tool_not_permitted" in str(called.json)) is (tool not in tools)


def test_mcps_are_listed_by_the_environment_rules_of_calls(org: Organization, upstream: Upstream) -> None:
    live, test = mcp_with_tools(org, upstream, environment="live"), mcp_with_tools(org, upstream, environment="test")
    assert set(reached(org.key(environment="live", permissions={"mcps": "*"}))) == {live}
    assert set(reached(org.seeded_key(environment="test", permissions=Permissions(mcps="*")))) == {test}
    listed_by_id = org.seeded_key(environment="test", permissions=Permissions(mcps=(live,)), known_mcps={live: "live"})
    assert set(reached(listed_by_id)) == {live}
    assert reached(org.key(permissions={"mcps": []})) == {}


def test_inactive_deleted_and_foreign_mcps_are_not_listed(api: Api, org: Organization, upstream: Upstream) -> None:
    active, inactive, deleted = (mcp_with_tools(org, upstream) for _ in range(3))
    foreign = api.organization().mcp()
    change(org, inactive, status="inactive")
    org.client.delete(f"/v1/mcps/{deleted}")
    key = org.key(permissions={"mcps": "*"})
    assert set(reached(key)) == {active}
    assert foreign not in reached(key)
    change(org, inactive, status="active")
    assert set(reached(key)) == {active, inactive}


def test_a_server_whose_tools_were_not_fetched_has_none(org: Organization) -> None:
    mcp_id = org.mcp(name="New")
    (server,) = org.key(permissions={"mcps": "*"}).client.get("/v1/mcp/servers").data
    assert server == {"id": mcp_id, "name": "New", "health": "unknown", "tools": []}


def test_the_request_is_recorded_as_a_use(org: Organization) -> None:
    key = org.key(permissions={"mcps": "*"})
    reached(key)
    (use,) = org.activity(key, type="api_key.used")
    assert (use["action"], use["status"]) == ("manage", "success")


@pytest.mark.parametrize(("query", "status"), [("?mcp_id=mcp_1", 422), ("?", 200)])
def test_query_parameters_are_refused(org: Organization, query: str, status: int) -> None:
    assert org.key(permissions={"mcps": "*"}).client.get(f"/v1/mcp/servers{query}").status == status


def test_a_narrowing_or_revocation_applies_immediately(org: Organization, upstream: Upstream) -> None:
    mcp_id = mcp_with_tools(org, upstream)
    key = org.key(permissions={"mcps": "*"})
    assert set(reached(key)) == {mcp_id}
    narrowed: dict[str, Any] = {"permissions": {"mcps": []}}
    org.client.patch(f"/v1/api-keys/{key.id}", narrowed)
    assert reached(key) == {}
    org.client.delete(f"/v1/api-keys/{key.id}")
    refused = key.client.get("/v1/mcp/servers")
    assert (refused.status, refused.code) == (401, "revoked_key")
