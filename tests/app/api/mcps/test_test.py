"""POST /v1/mcps/{id}/test and the health of MCPs."""

import pytest

from tests.app.api.mcp.conftest import StartUpstream, Upstream
from tests.app.api.mcp.mcp_caller import Calls
from tests.app.api.mcps.test_create import TOKEN
from tests.app.api.mcps.test_update import change, detail
from tests.app.organizations import Api, Organization
from tests.ports import free_port


@pytest.fixture
def unused_url() -> str:
    """A URL at which no server listens."""
    return f"http://127.0.0.1:{free_port()}/mcp"


def probe(org: Organization, mcp_id: str) -> dict[str, object]:
    found: dict[str, object] = org.client.post(f"/v1/mcps/{mcp_id}/test").data
    return found


def test_a_reachable_server_is_healthy_and_its_tools_are_listed(org: Organization, upstream: Upstream) -> None:
    mcp_id = org.mcp(endpoint_url=upstream.url)
    assert (detail(org, mcp_id)["health"], detail(org, mcp_id)["tools"]) == ("unknown", [])
    found = probe(org, mcp_id)
    assert set(found) == {
        "reachable",
        "latency_ms",
        "protocol_version",
        "tools_count",
        "resources_count",
        "code",
        "problem",
    }
    assert (found["code"], found["problem"]) == (None, None)
    assert (found["reachable"], found["tools_count"], found["resources_count"]) == (True, 4, 1)
    assert isinstance(found["protocol_version"], str)
    shown = detail(org, mcp_id)
    assert (shown["health"], shown["health_checked_at"] is not None) == ("healthy", True)
    assert {tool["name"] for tool in shown["tools"]} == {"add", "word_count", "wait", "fail"}
    assert all(set(tool) == {"name", "description", "input_schema"} for tool in shown["tools"])
    (add,) = [tool for tool in shown["tools"] if tool["name"] == "add"]
    assert add["description"] == "Add numbers and return their sum."
    assert add["input_schema"]["required"] == ["numbers"]


def test_an_unreachable_server_is_unhealthy_and_keeps_its_tools(
    org: Organization, start_upstream: StartUpstream
) -> None:
    upstream = start_upstream()
    mcp_id = org.mcp(endpoint_url=upstream.url)
    probe(org, mcp_id)
    upstream.stop()
    found = probe(org, mcp_id)
    assert found == {
        "reachable": False,
        "latency_ms": found["latency_ms"],
        "protocol_version": None,
        "tools_count": None,
        "resources_count": None,
        "code": "mcp_unreachable",
        "problem": "Could not connect to the MCP server. Nothing accepts connections at its address.",
    }
    assert (detail(org, mcp_id)["health"], len(detail(org, mcp_id)["tools"])) == ("unhealthy", 4)


def test_an_inactive_mcp_can_be_tested(org: Organization, upstream: Upstream) -> None:
    mcp_id = org.mcp(endpoint_url=upstream.url)
    change(org, mcp_id, status="inactive")
    assert probe(org, mcp_id)["reachable"] is True


def test_an_unknown_mcp_and_another_organizations_mcp_get_the_same_404(api: Api, org: Organization) -> None:
    foreign = org.client.post(f"/v1/mcps/{api.organization().mcp()}/test")
    absent = org.client.post("/v1/mcps/mcp_" + "0" * 26 + "/test")
    assert (foreign.status, foreign.code) == (404, "not_found")
    assert foreign.without_request_id == absent.without_request_id


def test_an_unknown_field_is_named(org: Organization) -> None:
    assert org.client.post(f"/v1/mcps/{org.mcp()}/test", {"deep": True}).details == {"deep": "Unknown field"}


def test_a_test_stores_no_event(api: Api, org: Organization, upstream: Upstream) -> None:
    mcp_id = org.mcp(endpoint_url=upstream.url)
    probe(org, mcp_id)
    assert api.events_of(mcp_id) == ["mcp.created"]
    assert detail(org, mcp_id)["revision"] == 1


def age_failures(api: Api, mcp_id: str) -> None:
    api.database.rows(
        "update mcp_health set checked_at = checked_at - interval '11 seconds',"
        " failing_since = failing_since - interval '11 seconds' where mcp_id = %s returning 1",
        mcp_id,
    )


def test_calls_update_the_health_of_the_server(api: Api, org: Organization, start_upstream: StartUpstream) -> None:
    upstream = start_upstream()
    calls = Calls(org, upstream.url)
    calls.invoke("no_such_tool")
    assert detail(org, calls.mcp_id)["health"] == "healthy"
    assert api.events_of(calls.mcp_id) == ["mcp.created"]
    upstream.stop()
    for _ in range(3):  # at the same time, as during a restart of the server
        calls.invoke("add", {"numbers": [1]})
    assert detail(org, calls.mcp_id)["health"] == "healthy"
    age_failures(api, calls.mcp_id)
    calls.invoke("add", {"numbers": [1]})
    assert detail(org, calls.mcp_id)["health"] == "unhealthy"
    calls.invoke("add", {"numbers": [1]})
    assert api.events_of(calls.mcp_id) == ["mcp.created", "mcp.health_changed"]


def test_a_success_between_two_failures_keeps_the_server_healthy(
    api: Api, org: Organization, start_upstream: StartUpstream
) -> None:
    upstream = start_upstream()
    calls = Calls(org, upstream.url)
    upstream.stop()
    calls.invoke("add", {"numbers": [1]})
    age_failures(api, calls.mcp_id)
    upstream.restart()
    calls.add(1)
    upstream.stop()
    calls.invoke("add", {"numbers": [1]})
    assert detail(org, calls.mcp_id)["health"] == "healthy"
    assert api.events_of(calls.mcp_id) == ["mcp.created"]


def test_a_server_that_recovers_is_healthy_immediately(org: Organization, start_upstream: StartUpstream) -> None:
    upstream = start_upstream()
    calls = Calls(org, upstream.url)
    upstream.stop()
    probe(org, calls.mcp_id)
    assert detail(org, calls.mcp_id)["health"] == "unhealthy"
    upstream.restart()
    calls.add(1)
    assert detail(org, calls.mcp_id)["health"] == "healthy"
    changes = org.client.get("/v1/audit/events", {"type": "mcp.health_changed"}).data
    assert [event["data"]["health"] for event in changes] == ["healthy", "unhealthy"]
    assert {event["resource"]["id"] for event in changes} == {calls.mcp_id}
    assert changes[1]["data"]["reason"] == "mcp_unreachable"
    assert changes[0]["actor"] == {"type": "system", "id": "mcp_health"}


def test_a_short_timeout_of_a_caller_does_not_make_the_server_unhealthy(org: Organization, upstream: Upstream) -> None:
    calls = Calls(org, upstream.url)
    assert calls.invoke("wait", {"seconds": 5}, timeout=100).status == 504
    assert detail(org, calls.mcp_id)["health"] == "unknown"


def test_a_recent_health_check_is_not_stored_again(org: Organization, upstream: Upstream) -> None:
    calls = Calls(org, upstream.url)
    calls.add(1)
    first = detail(org, calls.mcp_id)["health_checked_at"]
    calls.add(1)
    assert detail(org, calls.mcp_id)["health_checked_at"] == first


def test_an_old_health_check_is_stored_again(api: Api, org: Organization, upstream: Upstream) -> None:
    calls = Calls(org, upstream.url)
    calls.add(1)
    age = "update mcp_health set checked_at = checked_at - interval '61 seconds' where mcp_id = %s"
    api.database.rows(age, calls.mcp_id)
    aged = detail(org, calls.mcp_id)["health_checked_at"]
    calls.add(1)
    assert detail(org, calls.mcp_id)["health_checked_at"] > aged


@pytest.mark.parametrize(
    ("fields", "health"),
    [
        ({"name": "Renamed"}, "healthy"),
        ({"status": "inactive"}, "healthy"),
        ({"auth_type": "bearer", "auth_token": TOKEN}, "unknown"),
        ({"endpoint_url": "http://127.0.0.1:9/elsewhere"}, "unknown"),
    ],
)
def test_a_change_of_the_address_or_credential_resets_health_and_tools(
    org: Organization, upstream: Upstream, fields: dict[str, object], health: str
) -> None:
    mcp_id = org.mcp(endpoint_url=upstream.url)
    probe(org, mcp_id)
    assert change(org, mcp_id, **fields).data["health"] == health
    assert detail(org, mcp_id)["health"] == health
    assert bool(detail(org, mcp_id)["tools"]) is (health == "healthy")


def test_the_list_is_filtered_by_status_and_health(org: Organization, upstream: Upstream, unused_url: str) -> None:
    healthy = org.mcp(name="healthy", endpoint_url=upstream.url)
    unhealthy = org.mcp(name="unhealthy", endpoint_url=unused_url)
    unknown = org.mcp(name="unknown")
    probe(org, healthy)
    probe(org, unhealthy)
    change(org, unknown, status="inactive")

    def names(**params: object) -> list[str]:
        answer = org.client.get("/v1/mcps", params)
        assert answer.json["pagination"]["total"] == len(answer.data)
        return [item["name"] for item in answer.data]

    assert names() == names(status="all") == ["unknown", "unhealthy", "healthy"]
    assert names(status="inactive") == ["unknown"]
    assert names(status="active") == ["unhealthy", "healthy"]
    for health in ("healthy", "unhealthy", "unknown"):
        assert names(health=health) == [health]
    assert names(health="unknown", status="active") == []
    (item,) = org.client.get("/v1/mcps", {"health": "healthy"}).data
    assert item["health"] == "healthy"


def test_a_filtered_list_has_pages_by_cursor(org: Organization) -> None:
    ids = [org.mcp(name=str(number)) for number in range(5)]
    change(org, ids[2], status="inactive")
    first = org.client.get("/v1/mcps", {"status": "active", "per_page": 3})
    cursor = first.json["pagination"]["next_cursor"]
    second = org.client.get("/v1/mcps", {"status": "active", "per_page": 3, "cursor": cursor})
    assert [item["name"] for item in [*first.data, *second.data]] == ["4", "3", "1", "0"]
    refused = org.client.get("/v1/mcps", {"status": "inactive", "per_page": 3, "cursor": cursor})
    assert set(refused.details) == {"cursor"}


@pytest.mark.parametrize("params", [{"status": "deleted"}, {"health": "ill"}])
def test_an_invalid_filter_is_named(org: Organization, params: dict[str, str]) -> None:
    refused = org.client.get("/v1/mcps", params)
    assert (refused.status, set(refused.details)) == (422, set(params))


def test_the_health_of_a_deleted_mcp_is_deleted(api: Api, org: Organization, upstream: Upstream) -> None:
    mcp_id = org.mcp(endpoint_url=upstream.url)
    probe(org, mcp_id)
    org.client.delete(f"/v1/mcps/{mcp_id}")
    assert api.database.rows("select 1 from mcp_health where mcp_id = %s", mcp_id) == []
