"""POST /v1/mcp/invoke: failures of upstreams. A failed call is recorded as one use."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.app.api.mcp.conftest import StartUpstream, Upstream
from tests.app.api.mcp.mcp_caller import Calls
from tests.app.organizations import Api, Organization


@pytest.fixture
def calls(org: Organization, upstream: Upstream) -> Calls:
    return Calls(org, upstream.url)


def test_an_unknown_tool_is_not_found(calls: Calls) -> None:
    refused = calls.invoke("no_such_tool")
    assert (refused.status, refused.code) == (404, "not_found")
    assert (calls.uses()[0]["status"], calls.uses()[0]["reason"]) == ("error", "not_found")


@pytest.mark.parametrize(
    ("arguments", "details"),
    [
        ({}, {"numbers": "Is required"}),
        ({"numbers": "three"}, {"numbers": "Must be of type array"}),
        (
            {"numbers": [1, "two", [3]]},
            {"numbers[1]": "Must be of type number", "numbers[2]": "Must be of type number"},
        ),
    ],
)
def test_invalid_arguments_are_named(calls: Calls, arguments: dict[str, object], details: dict[str, str]) -> None:
    refused = calls.list_tools().invoke("add", arguments)
    assert (refused.status, refused.code, refused.details) == (422, "invalid_arguments", details)
    assert (calls.uses()[0]["status"], calls.uses()[0]["reason"]) == ("error", "invalid_arguments")


def test_invalid_arguments_are_refused_before_the_tools_are_listed(api: Api, calls: Calls) -> None:
    refused = calls.invoke("add", {"numbers": [1, "two"]})
    assert (refused.status, refused.code, refused.details) == (422, "invalid_arguments", {})
    due = "select due_at <= now() + interval '1 second', listed_at is null from mcp_health where mcp_id = %s"
    assert api.database.rows(due, calls.mcp_id) == [(True, True)]


def test_a_stopped_upstream_is_unreachable(org: Organization, start_upstream: StartUpstream) -> None:
    upstream = start_upstream()
    upstream.stop()
    calls = Calls(org, upstream.url)
    refused = calls.invoke("add", {"numbers": [1]})
    assert (refused.status, refused.code) == (502, "mcp_unreachable")
    assert (calls.uses()[0]["status"], calls.uses()[0]["reason"]) == ("error", "mcp_unreachable")


def test_an_upstream_that_stops_during_the_call_is_an_mcp_error(
    org: Organization, start_upstream: StartUpstream
) -> None:
    upstream = start_upstream()
    calls = Calls(org, upstream.url)
    threading.Timer(0.5, upstream.stop).start()
    refused = calls.invoke("wait", {"seconds": 30})
    assert (refused.status, refused.code) == (502, "mcp_error")
    assert calls.uses()[0]["reason"] == "mcp_error"


def test_an_upstream_that_does_not_speak_http_is_an_mcp_error(org: Organization, not_http: str) -> None:
    calls = Calls(org, not_http)
    refused = calls.invoke("add", {"numbers": [1]})
    assert (refused.status, refused.code) == (502, "mcp_error")
    assert calls.uses()[0]["reason"] == "mcp_error"


def test_an_upstream_that_refuses_its_credential_is_an_mcp_error(
    org: Organization, start_upstream: StartUpstream
) -> None:
    calls = Calls(org, start_upstream("--require-bearer", "something-else").url)
    refused = calls.invoke("add", {"numbers": [1]})
    assert (refused.status, refused.code) == (502, "mcp_error")
    assert "www-authenticate" not in refused.headers


def test_a_call_that_takes_too_long_times_out(calls: Calls) -> None:
    started = time.monotonic()
    refused = calls.invoke("wait", {"seconds": 30}, timeout=500)
    assert 0.4 < time.monotonic() - started < 25
    assert (refused.status, refused.code) == (504, "mcp_timeout")
    (entry,) = calls.uses()
    assert (entry["status"], entry["reason"]) == ("error", "mcp_timeout")
    assert entry["latency_ms"] >= 490


def test_a_call_to_a_suspended_upstream_times_out(org: Organization, start_upstream: StartUpstream) -> None:
    upstream = start_upstream()
    calls = Calls(org, upstream.url)
    upstream.freeze()
    started = time.monotonic()
    refused = calls.invoke("add", {"numbers": [1]}, timeout=500)
    assert time.monotonic() - started < 25
    assert (refused.status, refused.code) == (504, "mcp_timeout")


def test_calls_succeed_after_every_failure(calls: Calls) -> None:
    for _ in range(3):
        assert calls.invoke("no_such_tool").status == 404
        assert calls.invoke("wait", {"seconds": 30}, timeout=100).status == 504
        assert calls.add(1) == 2


@pytest.fixture
def not_http() -> Iterator[str]:
    """The URL of a server whose responses are not HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65_536)
                    connection.sendall(b"hello, is it me you are looking for\r\n\r\n")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)
