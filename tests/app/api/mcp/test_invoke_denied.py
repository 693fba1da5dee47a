"""POST /v1/mcp/invoke: calls that are refused before anybody is asked."""

from pathlib import Path

import pytest

from domain.keys.permissions import Permissions
from tests.app.api.mcp.conftest import StartUpstream, Upstream
from tests.app.api.mcp.mcp_caller import Calls
from tests.app.organizations import Api, Organization, unknown_secret


@pytest.fixture
def calls(org: Organization, upstream: Upstream) -> Calls:
    return Calls(org, upstream.url)


def test_an_mcp_that_the_key_does_not_reach(calls: Calls) -> None:
    other = calls.org.mcp()
    refused = calls.invoke("add", mcp_id=other)
    assert (refused.status, refused.code) == (403, "mcp_not_permitted")
    assert "www-authenticate" not in refused.headers


def test_a_key_without_permissions_reaches_nothing(calls: Calls) -> None:
    key = calls.org.key()
    refused = key.client.post("/v1/mcp/invoke", {"mcp_id": calls.mcp_id, "tool": "add"})
    assert (refused.status, refused.code) == (403, "mcp_not_permitted")


@pytest.mark.parametrize(("tool", "allowed"), [("word_count", True), ("add", False), ("word_secret", False)])
def test_a_tool_that_the_key_may_not_call(org: Organization, upstream: Upstream, tool: str, *, allowed: bool) -> None:
    calls = Calls(org, upstream.url)
    rule = {"tools": {calls.mcp_id: {"allow": ["word_*"], "deny": ["word_s*"]}}}
    org.client.patch(calls.key.path, {"permissions": {"mcps": [calls.mcp_id], **rule}})
    answer = calls.invoke(tool, {"text": "a"})
    assert (answer.status, answer.json["success"]) == ((200, True) if allowed else (403, False))
    assert allowed or answer.code == "tool_not_permitted"


def test_an_mcp_of_the_other_environment(org: Organization, upstream: Upstream) -> None:
    calls = Calls(org, upstream.url, mcp={"environment": "test"}, key={"permissions": {"mcps": "*"}})
    refused = calls.invoke("add", {"numbers": [1]})
    assert (refused.status, refused.code) == (403, "environment_mismatch")


def test_an_mcp_of_the_other_environment_that_is_listed(org: Organization, upstream: Upstream) -> None:
    mcp_id = org.mcp(endpoint_url=upstream.url, environment="test")
    key = org.seeded_key(permissions=Permissions(mcps=(mcp_id,)), known_mcps={mcp_id: "test"})
    body = {"mcp_id": mcp_id, "tool": "add", "arguments": {"numbers": [1]}}
    assert key.client.post("/v1/mcp/invoke", body).status == 200


def test_an_address_that_is_not_on_the_list(org: Organization, upstream: Upstream) -> None:
    refused = Calls(org, upstream.url, key={"allowed_ips": ["10.0.0.0/8"], "permissions": {"mcps": "*"}}).invoke("add")
    assert (refused.status, refused.code) == (403, "ip_not_permitted")


def test_an_mcp_that_is_not_there_or_of_someone_else_is_the_same_404(api: Api, calls: Calls) -> None:
    foreign = calls.invoke("add", mcp_id=api.organization().mcp())
    absent = calls.invoke("add", mcp_id="mcp_" + "0" * 26)
    assert (foreign.status, foreign.code) == (404, "not_found")
    assert foreign.without_request_id == absent.without_request_id


@pytest.mark.parametrize("change", ["revoke", "disable", "rotate"])
def test_a_key_that_is_refused_from_now_on(calls: Calls, change: str) -> None:
    assert calls.add(1) == 2
    calls.org.client.post(f"{calls.key.path}/{change}", {"overlap_seconds": 0} if change == "rotate" else None)
    refused = calls.invoke("add", {"numbers": [1]})
    assert (refused.status, refused.code) == (401, "disabled_key" if change == "disable" else "revoked_key")


def test_an_unknown_key(api: Api, calls: Calls) -> None:
    body = {"mcp_id": calls.mcp_id, "tool": "add"}
    assert api.client(unknown_secret()).post("/v1/mcp/invoke", body).code == "unauthorized"
    assert api.client().post("/v1/mcp/invoke", body).code == "unauthorized"


def test_what_is_denied_is_recorded_and_nobody_is_asked(
    org: Organization, start_upstream: StartUpstream, tmp_path: Path
) -> None:
    record = tmp_path / "requests"
    calls = Calls(org, start_upstream("--record", str(record)).url, key={"permissions": {"mcps": []}})
    calls.invoke("add", {"numbers": [1]})
    (entry,) = calls.uses()
    assert (entry["action"], entry["status"], entry["reason"]) == ("call", "denied", "mcp_not_permitted")
    assert not record.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "mcp_id"),
        ({"mcp_id": "x", "tool": "add"}, "mcp_id"),
        ({"mcp_id": "mcp_" + "0" * 26}, "tool"),
        ({"mcp_id": "mcp_" + "0" * 26, "tool": ""}, "tool"),
        ({"mcp_id": "mcp_" + "0" * 26, "tool": "a\0"}, "tool"),
        ({"mcp_id": "mcp_" + "0" * 26, "tool": "x" * 201}, "tool"),
        ({"mcp_id": "mcp_" + "0" * 26, "tool": "add", "arguments": []}, "arguments"),
        ({"mcp_id": "mcp_" + "0" * 26, "tool": "add", "arguments": None}, "arguments"),
        ({"mcp_id": "mcp_" + "0" * 26, "tool": "add", "timeout": 99}, "timeout"),
        ({"mcp_id": "mcp_" + "0" * 26, "tool": "add", "timeout": 120_001}, "timeout"),
        ({"mcp_id": "mcp_" + "0" * 26, "tool": "add", "timeout": "1000"}, "timeout"),
        ({"mcp_id": "mcp_" + "0" * 26, "tool": "add", "timeout_ms": 1000}, "timeout_ms"),
    ],
)
def test_what_is_wrong_with_the_request_is_named(calls: Calls, body: dict[str, object], field: str) -> None:
    refused = calls.key.client.post("/v1/mcp/invoke", body)
    assert (refused.status, refused.code) == (422, "validation_error")
    assert set(refused.details) == {field}
