"""The life of a connection: time limits, bodies that are not read, clients that leave, and the bytes of a response."""

import json
import re
import socket
import struct
import time

import pytest

from app.http.body import BODY_BYTES_MAX
from tests.app.conftest import StartApi
from tests.app.organizations import Api, Organization
from tests.app.server.raw_connection import CHECK, VERIFY, check, connected, request, verification
from tests.waiting import eventually, stretched

DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")


@pytest.mark.parametrize("path", [CHECK, VERIFY, "/health/live", "/v1/api-keys"])
def test_every_response_has_a_date(api: Api, path: str) -> None:
    with connected(api) as connection:
        connection.send(request("GET", path))
        assert DATE.fullmatch(connection.response().headers["date"])


def test_hot_routes_send_the_headers_of_all_responses(api: Api, org: Organization) -> None:
    with connected(api) as connection:
        path = f"{CHECK}?organization_id={org.id}"
        connection.send(check(path, org.manager.secret), request("GET", "/health/live"))
        hot, other = connection.response(), connection.response()
    assert set(other.headers) <= set(hot.headers)
    same = ["cache-control", "x-content-type-options", "content-security-policy", "referrer-policy", "content-type"]
    assert [hot.headers[name] for name in same] == [other.headers[name] for name in same]


def test_head_gets_the_headers_of_get(api: Api, org: Organization) -> None:
    path = f"{CHECK}?organization_id={org.id}"
    with connected(api) as connection:
        connection.send(check(path, org.manager.secret, method="HEAD"), check(path, org.manager.secret))
        head, got = connection.response("HEAD"), connection.response()
    assert head.body == b""
    assert head.headers["content-length"] == got.headers["content-length"]
    assert head.headers["x-key-id"] == org.manager.id


@pytest.mark.parametrize("path", [VERIFY, "/v1/api-keys"])
def test_a_client_that_waits_to_continue_is_asked_to(api: Api, org: Organization, path: str) -> None:
    body = json.dumps({"key": org.manager.secret} if path == VERIFY else {"name": "Waited"}).encode()
    whole = request("POST", path, f"X-API-Key: {org.manager.secret}", "Expect: 100-continue", body=body)
    with connected(api) as connection:
        connection.send(whole.removesuffix(body))
        assert connection.socket.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.send(body)
        assert connection.response().status in {200, 201}


@pytest.mark.parametrize("path", [VERIFY, "/v1/api-keys"])
def test_a_client_that_waits_to_send_too_much_is_refused_at_once(api: Api, org: Organization, path: str) -> None:
    length = f"Content-Length: {BODY_BYTES_MAX + 1}"
    with connected(api) as connection:
        connection.send(request("POST", path, f"X-API-Key: {org.manager.secret}", "Expect: 100-continue", length))
        assert connection.response().status == 413


@pytest.mark.parametrize("path", [VERIFY, CHECK, "/health/live"])
def test_http_1_0_gets_one_response(api: Api, path: str) -> None:
    with connected(api) as connection:
        connection.send(f"GET {path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".encode())
        assert connection.response().headers["connection"] == "close"
        assert connection.is_closed()


def test_a_browser_gets_a_problem_of_a_hot_route_as_other_programs_do(api: Api) -> None:
    with connected(api) as connection:
        connection.send(request("GET", CHECK, "Accept: text/html"))
        assert connection.response().headers["content-type"] == "application/problem+json"


def test_a_large_body_in_chunks_of_one_byte_is_refused_in_time(api: Api, org: Organization) -> None:
    with connected(api) as connection:
        connection.send(request("POST", VERIFY, f"X-API-Key: {org.manager.secret}", "Transfer-Encoding: chunked"))
        began = time.monotonic()
        connection.send(b"1\r\na\r\n" * (BODY_BYTES_MAX + 1))
        assert connection.response().status == 413
        assert time.monotonic() - began < stretched(20)


def test_an_empty_line_does_not_extend_the_life_of_an_idle_connection(start_api: StartApi) -> None:
    brief = start_api(KEYLEDGER_KEEP_ALIVE_SECONDS="2")
    with connected(brief) as connection:
        connection.socket.settimeout(0.2)
        deadline = time.monotonic() + stretched(10)
        while True:
            assert time.monotonic() < deadline, "the connection is still open"
            try:
                connection.send(b"\r\n")
                if connection.socket.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                break


@pytest.mark.parametrize("sent", [b"", b"{"])
@pytest.mark.parametrize("path", [VERIFY, "/v1/api-keys"])
def test_a_body_that_does_not_arrive_is_refused(api: Api, org: Organization, path: str, sent: bytes) -> None:
    head = request("POST", path, f"X-API-Key: {org.manager.secret}", "Content-Length: 9")
    with connected(api) as connection:
        connection.send(head, sent)
        began = time.monotonic()
        refused = connection.response()
        assert 25 < time.monotonic() - began < stretched(40)
        assert (refused.status, refused.headers["connection"]) == (400, "close")
        assert b"30 seconds" in refused.body
        assert connection.is_closed()


def test_a_client_that_leaves_is_counted(start_api: StartApi) -> None:
    logged = start_api(KEYLEDGER_ACCESS_LOG="all")
    with connected(logged) as connection:
        connection.send(request("POST", VERIFY, "Content-Length: 2", request_id="left-1"), b"{")
        time.sleep(0.3)
    eventually(lambda: _line(logged, VERIFY) is not None)
    line = _line(logged, VERIFY)
    assert line is not None
    assert line["status"] == 499


def _line(api: Api, route: str) -> dict[str, object] | None:
    lines = [json.loads(line) for line in api.server.log.read_text().splitlines() if line.endswith("}")]
    return next((line for line in lines if line["event"] == "request" and line["route"] == route), None)


def test_clients_that_reset_their_connections_do_not_affect_others(api: Api, org: Organization) -> None:
    for _ in range(30):
        with connected(api) as connection:
            connection.send(verification(org.manager.secret, org.manager.secret) * 5)
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with connected(api) as connection:
        connection.send(verification(org.manager.secret, org.manager.secret))
        assert connection.response().json["data"]["valid"]


def test_a_line_of_a_hot_request_names_its_caller(start_api: StartApi) -> None:
    logged = start_api(KEYLEDGER_ACCESS_LOG="all")
    org = logged.organization()
    trace = "0af7651916cd43dd8448eb211c80319c"
    with connected(logged) as connection:
        lines = [f"Traceparent: 00-{trace}-b7ad6b7169203331-01"]
        connection.send(verification(org.manager.secret, org.manager.secret, *lines, request_id="hot-1"))
        assert connection.response().status == 200
    eventually(lambda: '"hot-1"' in logged.server.log.read_text())
    line = json.loads(next(line for line in logged.server.log.read_text().splitlines() if '"hot-1"' in line))
    expected = {"request_id": "hot-1", "trace_id": trace, "organization_id": org.id, "key_id": org.manager.id}
    assert {name: line[name] for name in expected} == expected
    assert (line["method"], line["route"], line["status"]) == ("POST", VERIFY, 200)
