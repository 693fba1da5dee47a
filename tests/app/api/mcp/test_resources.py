"""POST /v1/mcp/resources"""

import pytest

from tests.app.api.mcp.conftest import StartUpstream, Upstream
from tests.app.api.mcp.mcp_caller import Calls
from tests.app.api.mcps.test_create import TOKEN
from tests.app.client import Response
from tests.app.organizations import Api, Organization, unknown_secret

ABOUT = "example://about"


@pytest.fixture
def calls(org: Organization, upstream: Upstream) -> Calls:
    return Calls(org, upstream.url)


def read(calls: Calls, uri: str = ABOUT, **fields: object) -> Response:
    return calls.key.client.post("/v1/mcp/resources", {"mcp_id": calls.mcp_id, "uri": uri, **fields})


def test_a_read_returns_the_contents_of_the_resource(calls: Calls) -> None:
    answer = read(calls)
    assert (answer.status, set(answer.data)) == (200, {"contents"})
    (contents,) = answer.data["contents"]
    assert (contents["uri"], contents["mimeType"]) == (ABOUT, "text/plain")
    assert "add" in contents["text"]


def test_a_read_is_recorded_in_two_steps_without_the_uri(api: Api, calls: Calls) -> None:
    read(calls)
    (use,) = calls.uses()
    assert (use["action"], use["status"], use["mcp_id"]) == ("call", "success", calls.mcp_id)
    assert use["latency_ms"] >= 0
    query = "select kind, code, tool, body from usage_events where key_id = %s and action = 'call' order by event_id"
    rows = api.database.rows(query, calls.key.id)
    assert [row[:3] for row in rows] == [("used", "valid", None), ("completed", "success", "resources/read")]
    assert all(ABOUT.encode() not in bytes(row[3]) for row in rows)


def test_a_read_uses_the_credential_of_the_mcp(org: Organization, start_upstream: StartUpstream) -> None:
    calls = Calls(org, start_upstream("--require-bearer", TOKEN).url, mcp={"auth_type": "bearer", "auth_token": TOKEN})
    assert read(calls).status == 200


def test_an_unknown_resource_is_not_found(calls: Calls) -> None:
    refused = read(calls, "example://nothing")
    assert (refused.status, refused.code) == (404, "not_found")
    assert (calls.uses()[0]["status"], calls.uses()[0]["reason"]) == ("error", "not_found")


def test_a_stopped_upstream_is_unreachable(org: Organization, start_upstream: StartUpstream) -> None:
    upstream = start_upstream()
    upstream.stop()
    calls = Calls(org, upstream.url)
    refused = read(calls)
    assert (refused.status, refused.code) == (502, "mcp_unreachable")
    assert calls.uses()[0]["reason"] == "mcp_unreachable"


def test_a_key_with_a_tool_rule_can_read_resources(org: Organization, upstream: Upstream) -> None:
    calls = Calls(org, upstream.url)
    rule = {"tools": {calls.mcp_id: {"allow": ["word_*"]}}}
    org.client.patch(calls.key.path, {"permissions": {"mcps": [calls.mcp_id], **rule}})
    assert read(calls).status == 200


def test_a_key_without_access_to_an_mcp_is_refused(calls: Calls) -> None:
    refused = read(calls, mcp_id=calls.org.mcp())
    assert (refused.status, refused.code) == (403, "mcp_not_permitted")


def test_a_deleted_mcp_and_another_organizations_mcp_get_the_same_404(api: Api, calls: Calls) -> None:
    calls.org.client.delete(f"/v1/mcps/{calls.mcp_id}")
    deleted = read(calls)
    foreign = read(calls, mcp_id=api.organization().mcp())
    assert (deleted.status, deleted.code) == (404, "not_found")
    assert deleted.without_request_id == foreign.without_request_id


def test_a_revoked_or_unknown_key_is_refused(api: Api, calls: Calls) -> None:
    calls.org.client.delete(calls.key.path)
    assert (read(calls).status, read(calls).code) == (401, "revoked_key")
    body = {"mcp_id": calls.mcp_id, "uri": ABOUT}
    assert api.client(unknown_secret()).post("/v1/mcp/resources", body).code == "unauthorized"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"uri": ABOUT}, "mcp_id"),
        ({"mcp_id": "x", "uri": ABOUT}, "mcp_id"),
        ({"mcp_id": "mcp_" + "0" * 26}, "uri"),
        ({"mcp_id": "mcp_" + "0" * 26, "uri": ""}, "uri"),
        ({"mcp_id": "mcp_" + "0" * 26, "uri": "about"}, "uri"),
        ({"mcp_id": "mcp_" + "0" * 26, "uri": "example:// about"}, "uri"),
        ({"mcp_id": "mcp_" + "0" * 26, "uri": "example://a\n"}, "uri"),
        ({"mcp_id": "mcp_" + "0" * 26, "uri": "example://\0"}, "uri"),
        ({"mcp_id": "mcp_" + "0" * 26, "uri": "example://" + "x" * 2_001}, "uri"),
        ({"mcp_id": "mcp_" + "0" * 26, "uri": 5}, "uri"),
        ({"mcp_id": "mcp_" + "0" * 26, "uri": ABOUT, "timeout": 1000}, "timeout"),
    ],
)
def test_an_invalid_field_is_named(calls: Calls, body: dict[str, object], field: str) -> None:
    refused = calls.key.client.post("/v1/mcp/resources", body)
    assert (refused.status, refused.code) == (422, "validation_error")
    assert set(refused.details) == {field}


def test_query_parameters_are_refused(calls: Calls) -> None:
    body = {"mcp_id": calls.mcp_id, "uri": ABOUT}
    assert calls.key.client.post("/v1/mcp/resources?uri=x", body).status == 422
