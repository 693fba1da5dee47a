"""POST /v1/mcp/invoke: the upstream gets its own credential and never the caller's key."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.app.api.mcp.conftest import StartUpstream
from tests.app.api.mcp.mcp_caller import Calls
from tests.app.leak_scan import UPSTREAM_MARK
from tests.app.organizations import Api, Organization

TOKEN = UPSTREAM_MARK + "called"

CREDENTIALS: dict[str, tuple[list[str], Mapping[str, object]]] = {
    "none": ([], {}),
    "bearer": (["--require-bearer", TOKEN], {"auth_token": TOKEN}),
    "api_key": (["--require-api-key", "X-Upstream", TOKEN], {"auth_token": TOKEN, "auth_header": "X-Upstream"}),
    "basic": (["--require-basic", "keyledger", TOKEN], {"auth_username": "keyledger", "auth_password": TOKEN}),
    "query": (["--require-query", "apiKey", TOKEN], {"auth_parameter": "apiKey", "auth_token": TOKEN}),
}


@pytest.mark.parametrize("auth_type", CREDENTIALS)
def test_each_credential_is_accepted_by_the_upstream_and_appears_nowhere_else(
    api: Api, org: Organization, start_upstream: StartUpstream, tmp_path: Path, auth_type: str
) -> None:
    arguments, fields = CREDENTIALS[auth_type]
    record = tmp_path / "requests"
    upstream = start_upstream("--record", str(record), *arguments)
    calls = Calls(org, upstream.url, mcp={"auth_type": auth_type, **fields})
    assert calls.add(41) == 42
    answers = [calls.invoke("add", {"numbers": ["x"]}), calls.invoke("nothing"), calls.invoke("fail", {"message": "x"})]
    answers += [org.client.get("/v1/mcps"), org.client.get(f"{calls.key.path}/activity")]
    assert all(TOKEN.encode() not in answer.content for answer in answers)
    assert TOKEN.encode() not in api.server.log.read_bytes()
    requests = [json.loads(line)["headers"] for line in record.read_text().splitlines()]
    assert len(requests) >= 4
    for headers in requests:
        assert calls.key.secret not in json.dumps(headers)
        assert "x-api-key" not in headers
        assert ("authorization" in headers) == (auth_type in {"bearer", "basic"})


def test_no_header_of_the_caller_is_passed_to_the_upstream(
    api: Api, org: Organization, start_upstream: StartUpstream, tmp_path: Path
) -> None:
    record = tmp_path / "requests"
    calls = Calls(org, start_upstream("--record", str(record)).url)
    caller = api.client(calls.key.secret, Cookie="session=abc", X_Forwarded_For="192.0.2.1", X_Mine="passed-on")
    assert (
        caller.post("/v1/mcp/invoke", {"mcp_id": calls.mcp_id, "tool": "add", "arguments": {"numbers": []}}).status
        == 200
    )
    sent = record.read_text()
    for private in (calls.key.secret, "session=abc", "192.0.2.1", "passed-on"):
        assert private not in sent


def test_the_credential_of_one_mcp_is_sent_only_to_that_mcp(org: Organization, start_upstream: StartUpstream) -> None:
    upstream = start_upstream("--require-bearer", TOKEN)
    calls = Calls(org, upstream.url, mcp={"auth_type": "bearer", "auth_token": TOKEN})
    other = Calls(org, upstream.url)
    assert calls.add(1) == 2
    assert other.invoke("add", {"numbers": [1]}).code == "mcp_error"
    assert calls.add(1) == 2


def test_a_credential_moved_to_another_mcp_cannot_be_used(
    api: Api, org: Organization, start_upstream: StartUpstream
) -> None:
    """A credential is sealed for one MCP of one organization, so write access to the database does not suffice."""
    upstream = start_upstream("--require-bearer", TOKEN)
    calls = Calls(org, upstream.url, mcp={"auth_type": "bearer", "auth_token": TOKEN})
    attacker = Calls(api.organization(), upstream.url, mcp={"auth_type": "bearer", "auth_token": UPSTREAM_MARK + "own"})
    api.database.rows(
        "update mcp_credentials set sealed = (select sealed from mcp_credentials where mcp_id = %s) where mcp_id = %s",
        calls.mcp_id,
        attacker.mcp_id,
    )
    body = json.dumps({"mcp_id": attacker.mcp_id, "tool": "add", "arguments": {"numbers": [1]}}).encode()
    head = (
        "POST /v1/mcp/invoke HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {attacker.key.secret}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    response, answer = api.server.exchange(head.encode(), body)
    assert (response.status, json.loads(answer)["error"]["code"]) == (500, "internal_error")
    (entry,) = attacker.uses()
    assert (entry["status"], entry["reason"]) == ("error", "internal_error")
