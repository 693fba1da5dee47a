"""POST /v1/mcp/invoke and /resources: temporary refusals of servers, and the Retry-After of the response."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.app.api.mcp.mcp_caller import Calls
from tests.app.organizations import Organization


class Refusing:
    """A server that responds to every request with `status` and `headers`."""

    def __init__(self) -> None:
        self.status, self.headers, self.request_count = 429, dict[str, str](), 0
        self.url = ""


@pytest.fixture
def refusing() -> Iterator[Refusing]:
    settings = Refusing()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            settings.request_count += 1
            self.rfile.read(int(self.headers.get("content-length", "0")))
            self.send_response_only(settings.status)
            for name, value in {**settings.headers, "Content-Length": "0"}.items():
                self.send_header(name, value)
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    settings.url = f"http://127.0.0.1:{server.server_address[1]}/mcp"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield settings
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("headers", "retry_after"),
    [
        ({"Retry-After": "17"}, "17"),
        ({"Retry-After": "Fri, 06 Nov 2026 12:01:30 GMT", "Date": "Fri, 06 Nov 2026 12:00:00 GMT"}, "90"),
        ({"Retry-After": "31536000"}, "3600"),
        ({"Retry-After": "0"}, "1"),
        ({"Retry-After": "tomorrow"}, None),
        ({}, None),
    ],
)
def test_the_response_has_the_retry_after_of_the_server(
    org: Organization, refusing: Refusing, status: int, headers: dict[str, str], retry_after: str | None
) -> None:
    refusing.status, refusing.headers = status, headers
    calls = Calls(org, refusing.url)
    resource = {"mcp_id": calls.mcp_id, "uri": "file:///a"}
    for refused in (calls.invoke("add"), calls.key.client.post("/v1/mcp/resources", resource)):
        assert (refused.status, refused.code) == (502, "mcp_error")
        assert refused.headers.get("retry-after") == retry_after


def test_a_repeated_call_gets_the_first_response_without_retry_after(org: Organization, refusing: Refusing) -> None:
    refusing.headers = {"Retry-After": "17"}
    calls = Calls(org, refusing.url)
    body: dict[str, Any] = {"mcp_id": calls.mcp_id, "tool": "add", "arguments": {}}
    first, again = (calls.key.client.post("/v1/mcp/invoke", body, idempotency_key="a") for _ in range(2))
    before = refusing.request_count
    assert (first.status, first.headers["retry-after"]) == (502, "17")
    assert (again.status, again.headers["idempotency-replayed"]) == (502, "true")
    assert "retry-after" not in again.headers
    calls.key.client.post("/v1/mcp/invoke", body, idempotency_key="b")
    assert refusing.request_count > before


def test_the_result_of_a_test_has_the_time_to_retry(org: Organization, refusing: Refusing) -> None:
    refusing.headers = {"Retry-After": "17"}
    found = org.client.post(f"/v1/mcps/{org.mcp(endpoint_url=refusing.url)}/test").data
    assert (found["reachable"], found["code"]) == (False, "mcp_error")
    assert "Retry in 17 s." in found["problem"]
