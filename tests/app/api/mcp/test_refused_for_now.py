"""POST /v1/mcp/invoke and /resources: a server that refuses for now, and when it says the call may be repeated."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.app.api.mcp.mcp_caller import Calls
from tests.app.organizations import Organization


class Refusing:
    """A server that answers everything with `status` and `headers`."""

    def __init__(self) -> None:
        self.status, self.headers, self.asked = 429, dict[str, str](), 0
        self.url = ""


@pytest.fixture
def refusing() -> Iterator[Refusing]:
    said = Refusing()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said.asked += 1
            self.rfile.read(int(self.headers.get("content-length", "0")))
            self.send_response_only(said.status)
            for name, value in {**said.headers, "Content-Length": "0"}.items():
                self.send_header(name, value)
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    said.url = f"http://127.0.0.1:{server.server_address[1]}/mcp"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield said
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"Retry-After": "17"}, "17"),
        ({"Retry-After": "Fri, 06 Nov 2026 12:01:30 GMT", "Date": "Fri, 06 Nov 2026 12:00:00 GMT"}, "90"),
        ({"Retry-After": "31536000"}, "3600"),
        ({"Retry-After": "0"}, "1"),
        ({"Retry-After": "tomorrow"}, None),
        ({}, None),
    ],
)
def test_the_caller_is_told_when_to_retry(
    org: Organization, refusing: Refusing, status: int, headers: dict[str, str], told: str | None
) -> None:
    refusing.status, refusing.headers = status, headers
    calls = Calls(org, refusing.url)
    resource = {"mcp_id": calls.mcp_id, "uri": "file:///a"}
    for refused in (calls.invoke("add"), calls.key.client.post("/v1/mcp/resources", resource)):
        assert (refused.status, refused.code) == (502, "mcp_error")
        assert refused.headers.get("retry-after") == told


def test_a_repeat_under_the_same_key_gets_the_first_answer_which_is_not_about_now(
    org: Organization, refusing: Refusing
) -> None:
    refusing.headers = {"Retry-After": "17"}
    calls = Calls(org, refusing.url)
    body: dict[str, Any] = {"mcp_id": calls.mcp_id, "tool": "add", "arguments": {}}
    first, again = (calls.key.client.post("/v1/mcp/invoke", body, idempotency_key="a") for _ in range(2))
    asked = refusing.asked
    assert (first.status, first.headers["retry-after"]) == (502, "17")
    assert (again.status, again.headers["idempotency-replayed"]) == (502, "true")
    assert "retry-after" not in again.headers
    calls.key.client.post("/v1/mcp/invoke", body, idempotency_key="b")
    assert refusing.asked > asked


def test_a_test_says_when_to_retry(org: Organization, refusing: Refusing) -> None:
    refusing.headers = {"Retry-After": "17"}
    found = org.client.post(f"/v1/mcps/{org.mcp(endpoint_url=refusing.url)}/test").data
    assert (found["reachable"], found["code"]) == (False, "mcp_error")
    assert "Retry in 17 s." in found["problem"]
