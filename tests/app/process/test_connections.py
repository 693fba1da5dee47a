"""The timeouts of idle connections and of request headers, which are independent."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from infrastructure.setting import API
from infrastructure.settings import Settings
from tests.app.conftest import StartApi
from tests.app.organizations import Api
from tests.waiting import stretched

HEADER_SECONDS = 2
KEEP_ALIVE_SECONDS = 600
LONGER_THAN_PROXIES_SECONDS = 65
LONGER_THAN_HEADERS_SECONDS = 2.5 * HEADER_SECONDS

REQUEST = b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(scope="module")
def strict_api(start_api: StartApi) -> Api:
    """A server with a short timeout for headers and a long one for idle connections."""
    return start_api(KEYLEDGER_HEADER_SECONDS=str(HEADER_SECONDS), KEYLEDGER_KEEP_ALIVE_SECONDS=str(KEEP_ALIVE_SECONDS))


@pytest.fixture(scope="module", autouse=True)
def idle(strict_api: Api) -> Iterator[tuple[socket.socket, float]]:
    """A connection that is idle while the other tests run, and the instant of its only request."""
    with _connected(strict_api) as connection:
        connection.sendall(REQUEST)
        assert _status(connection) == 200
        yield connection, time.monotonic()


def test_the_default_idle_timeout_is_longer_than_that_of_common_proxies() -> None:
    config = Settings.from_environment({"DATABASE_URL": "postgresql://", "KEYLEDGER_MASTER_KEY": "A" * 43 + "="}, API)
    assert config.keep_alive_seconds == 130
    assert config.header_seconds == 30


def test_an_idle_connection_is_kept_longer_than_the_header_timeout(strict_api: Api) -> None:
    with _connected(strict_api) as connection:
        for _ in range(2):
            connection.sendall(REQUEST)
            assert _status(connection) == 200
            time.sleep(LONGER_THAN_HEADERS_SECONDS)
        connection.sendall(REQUEST)
        assert _status(connection) == 200


def test_a_connection_without_any_request_is_kept_longer_than_the_header_timeout(strict_api: Api) -> None:
    with _connected(strict_api) as connection:
        time.sleep(LONGER_THAN_HEADERS_SECONDS)
        connection.sendall(REQUEST)
        assert _status(connection) == 200


@pytest.mark.parametrize("requests_before", [0, 1, 3])
@pytest.mark.parametrize("started", [b"G", b"GET /", b"GET /health/live HTTP/1.1\r\nHost: a\r\nX-Slow: "])
def test_a_request_whose_headers_do_not_end_gets_408(strict_api: Api, requests_before: int, started: bytes) -> None:
    with _connected(strict_api) as connection:
        for _ in range(requests_before):
            connection.sendall(REQUEST)
            assert _status(connection) == 200
        connection.sendall(started)
        connection.settimeout(0.2)
        deadline = time.monotonic() + stretched(3 * HEADER_SECONDS)
        received = b""
        while not received:
            assert time.monotonic() < deadline, "the connection is still open"
            try:
                received = connection.recv(65_536)
            except TimeoutError:
                if started != b"G":  # "Ga" is the beginning of no method and refused immediately
                    connection.sendall(b"a")
        assert received.startswith(b"HTTP/1.1 408 ")
        connection.settimeout(30)
        assert connection.recv(1) == b""


def test_a_body_may_take_longer_than_the_header_timeout(strict_api: Api) -> None:
    org = strict_api.organization()
    body = json.dumps({"name": "Slowly"}).encode()
    head = f"POST /v1/api-keys HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {org.manager.secret}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with _connected(strict_api) as connection:
        connection.sendall(head.encode())
        for at in range(len(body)):
            connection.sendall(body[at : at + 1])
            time.sleep(LONGER_THAN_HEADERS_SECONDS / len(body))
        assert _status(connection) == 201


def test_an_idle_connection_is_closed_after_its_timeout(start_api: StartApi) -> None:
    brief = start_api(KEYLEDGER_KEEP_ALIVE_SECONDS="2")
    with _connected(brief) as connection:
        connection.sendall(REQUEST)
        assert _status(connection) == 200
        connection.settimeout(stretched(10))
        assert connection.recv(1) == b""


def test_an_idle_connection_is_kept_longer_than_those_of_common_proxies(idle: tuple[socket.socket, float]) -> None:
    """This test is the last one, so that it only waits for the rest of the time."""
    connection, since = idle
    time.sleep(max(0.0, since + LONGER_THAN_PROXIES_SECONDS - time.monotonic()))
    connection.sendall(REQUEST)
    assert _status(connection) == 200


def _connected(api: Api) -> closing[socket.socket]:
    return closing(socket.create_connection(("127.0.0.1", api.server.port), timeout=60))


def _status(connection: socket.socket) -> int:
    response = http.client.HTTPResponse(connection)
    response.begin()
    response.read()
    return response.status
