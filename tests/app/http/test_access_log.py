"""The access log: one line for each request, with its identifiers and without secrets."""

import json
from typing import Any

import pytest

from tests.app.client import concurrently
from tests.app.conftest import StartApi
from tests.app.organizations import Api, Organization
from tests.waiting import eventually


@pytest.fixture(scope="module")
def fully_logged(start_api: StartApi) -> Api:
    return start_api(KEYLEDGER_ACCESS_LOG="all")


def line_of(api: Api, request_id: str) -> dict[str, Any]:
    """Return the line of a request. It may be written a moment after the response."""
    eventually(lambda: lines_of(api, request_id) != [])
    (line,) = lines_of(api, request_id)
    return line


def lines_of(api: Api, request_id: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in complete_lines(api)]
    return [line for line in lines if line.get("request_id") == request_id and line["event"] == "request"]


def complete_lines(api: Api) -> list[str]:
    """Return the lines of the server's log, except one that is still being written."""
    written, _, _ = api.server.log.read_text().rpartition("\n")
    return [line for line in written.splitlines() if line]


def test_every_line_of_the_server_is_json(api: Api, org: Organization) -> None:
    org.key()
    for line in complete_lines(api):
        assert {"timestamp", "level", "event"} <= set(json.loads(line))


def test_a_line_names_the_route_the_status_and_the_caller(api: Api, org: Organization) -> None:
    key = org.key()
    org.client.get(f"{key.path}?x={key.secret}", x_request_id="line-1")
    line = line_of(api, "line-1")
    assert line.pop("duration_ms") >= 0
    assert line.pop("timestamp")
    assert line == {
        "level": "info",
        "event": "request",
        "method": "GET",
        "route": "/v1/api-keys/{key_id}",
        "status": 422,
        "request_id": "line-1",
        "organization_id": org.id,
        "key_id": org.manager.id,
    }


def test_an_unknown_path_is_not_logged(api: Api, org: Organization) -> None:
    org.client.get(f"/v2/{org.manager.secret}", x_request_id="line-2")
    assert line_of(api, "line-2")["route"] == "none"


def test_requests_at_the_same_time_keep_their_ids_apart(fully_logged: Api) -> None:
    orgs = [fully_logged.organization() for _ in range(8)]
    secrets = [org.key().secret for org in orgs]

    def verify(number: int) -> None:
        org = orgs[number % 8]
        org.client.post("/v1/api-keys/verify", {"key": secrets[number % 8]}, x_request_id=f"apart-{number}")

    concurrently(range(64), verify)
    for number in range(64):
        line = line_of(fully_logged, f"apart-{number}")
        assert (line["organization_id"], line["key_id"]) == (orgs[number % 8].id, orgs[number % 8].manager.id)


def test_by_default_an_ordinary_verification_is_not_logged(api: Api, org: Organization) -> None:
    org.client.post("/v1/api-keys/verify", {"key": org.manager.secret}, x_request_id="quiet-1")
    org.client.get("/v1/api-keys", x_request_id="loud-1")
    line_of(api, "loud-1")
    assert lines_of(api, "quiet-1") == []
