"""POST /v1/mcp/invoke: calls that are refused without a call to the server."""

from pathlib import Path

import pytest

from domain.keys.permissions import Permissions
from tests.app.api.mcp.conftest import StartUpstream, Upstream
from tests.app.api.mcp.mcp_caller import Calls
from tests.app.organizations import Api, Organization, unknown_secret


@pytest.fixture
def calls(org: Organization, upstream: Upstream) -> Calls:
    return Calls(org, upstream.url)


def test_a_key_without_access_to_an_mcp_is_refused(calls: Calls) -> None:
    other = calls.org.mcp()
    refused = calls.invoke("add", mcp_id=other)
    assert (refused.status, refused.code) == (403, "mcp_not_permitted")
    assert "www-authenticate" not in refused.headers


def test_a_key_without_permissions_is_refused(calls: Calls) -> None:
    key = calls.org.key()
    refused = key.client.post("/v1/mcp/invoke", {"mcp_id": calls.mcp_id, "tool": "add"})
    assert (refused.status, refused.code) == (403, "mcp_not_permitted")


@pytest.mark.parametrize(("tool", "allowed"), [("word_count", True), ("add", False), ("word_secret", False)])
def test_the_tool_rules_of_a_key_are_enforced(
    org: Organization, upstream: Upstream, tool: str, *, allowed: bool
) -> None:
    calls = Calls(org, upstream.url)
    rule = {"tools": {calls.mcp_id: {"allow": ["word_*"], "deny": ["word_s*"]}}}
    org.client.patch(calls.key.path, {"permissions": {"mcps": [calls.mcp_id], **rule}})
    answer = calls.invoke(tool, {"text": "a"})
    assert (answer.status, answer.json["success"]) == ((200, True) if allowed else (403, False))
    assert allowed or answer.code == "tool_not_permitted"


def test_an_mcp_of_the_other_environment_is_refused(org: Organization, upstream: Upstream) -> None:
    calls = Calls(org, upstream.url, mcp={"environment": "test"}, key={"permissions": {"mcps": "*"}})
    refused = calls.invoke("add", {"numbers": [1]})
    assert (refused.status, refused.code) == (403, "environment_mismatch")


def test_an_mcp_of_the_other_environment_is_accepted_if_listed_by_id(org: Organization, upstream: Upstream) -> None:
    mcp_id = org.mcp(endpoint_url=upstream.url, environment="test")
    key = org.seeded_key(permissions=Permissions(mcps=(mcp_id,)), known_mcps={mcp_id: "test"})
    body = {"mcp_id": mcp_id, "tool": "add", "arguments": {"numbers": [1]}}
    assert key.client.post("/v1/mcp/invoke", body).status == 200


def test_a_client_address_that_is_not_allowed_is_refused(org: Organization, upstream: Upstream) -> None:
    refused = Calls(org, upstream.url, key={"allowed_ips": ["10.0.0.0/8"], "permissions": {"mcps": "*"}}).invoke("add")
    assert (refused.status, refused.code) == (403, "ip_not_permitted")


def test_an_unknown_mcp_and_another_organizations_mcp_get_the_same_404(api: Api, calls: Calls) -> None:
    foreign = calls.invoke("add", mcp_id=api.organization().mcp())
    absent = calls.invoke("add", mcp_id="mcp_" + "0" * 26)
    assert (foreign.status, foreign.code) == (404, "not_found")
    assert foreign.without_request_id == absent.without_request_id


@pytest.mark.parametrize("change", ["revoke", "disable", "rotate"])
def test_a_revoked_disabled_or_rotated_key_is_refused_immediately(calls: Calls, change: str) -> None:
    assert calls.add(1) == 2
    calls.org.client.post(f"{calls.key.path}/{change}", {"overlap_seconds": 0} if change == "rotate" else None)
    refused = calls.invoke("add", {"numbers": [1]})
    assert (refused.status, refused.code) == (401, "disabled_key" if change == "disable" else "revoked_key")


def test_an_unknown_or_missing_key_is_refused(api: Api, calls: Calls) -> None:
    body = {"mcp_id": calls.mcp_id, "tool": "add"}
    assert api.client(unknown_secret()).post("/v1/mcp/invoke", body).code == "unauthorized"
    assert api.client().post("/v1/mcp/invoke", body).code == "unauthorized"


def test_a_denied_call_is_recorded_and_does_not_reach_the_server(
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
def test_an_invalid_field_is_named(calls: Calls, body: dict[str, object], field: str) -> None:
    refused = calls.key.client.post("/v1/mcp/invoke", body)
    assert (refused.status, refused.code) == (422, "validation_error")
    assert set(refused.details) == {field}
