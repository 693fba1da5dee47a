"""Callers that disconnect during a request with an Idempotency-Key: the key stays usable, with one effect."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.app.api.mcp.mcp_caller import Calls
from tests.app.client import Response
from tests.app.conftest import StartApi
from tests.app.organizations import Api, Organization
from tests.waiting import eventually, stretched
from tests.workers.receiver import Received, Receiver, receiver

_KEY = "kept"
_RESET = struct.pack("ii", 1, 0)
"""For SO_LINGER: the connection ends with a reset instead of an orderly close."""


class SlowServer:
    """A server that records requests and responds with 500 after `may_answer` is set."""

    def __init__(self, server: Receiver) -> None:
        self.url = server.url
        self.received = server.received
        self.may_answer = threading.Event()
        server.answer = self._answer

    def _answer(self, _: Received) -> int:
        self.may_answer.wait(stretched(30))
        return 500


@pytest.fixture
def slow_server() -> Iterator[SlowServer]:
    with receiver() as server:
        slow = SlowServer(server)
        yield slow
        slow.may_answer.set()


def _path_of_webhook_test(org: Organization, url: str) -> str:
    return f"/v1/webhooks/{org.client.post('/v1/webhooks', {'url': url}).data['id']}/test"


def _path_of_mcp_test(org: Organization, url: str) -> str:
    return f"/v1/mcps/{org.mcp(endpoint_url=url)}/test"


def _send_and_disconnect(api: Api, secret: str, path: str, body: object, running: Callable[[], bool], how: str) -> None:
    """Send a request, and end the connection once it is `running`."""
    content = json.dumps(body).encode()
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: keyledger.example",
        f"Authorization: Bearer {secret}",
        f"Idempotency-Key: {_KEY}",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
    ]
    with socket.create_connection(("127.0.0.1", api.server.port)) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + content)
        eventually(running)
        if how == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def _repeat(send: Callable[[], Response]) -> Response:
    """Repeat a request until the first request with its key has ended."""
    answers = [send()]

    def has_ended() -> bool:
        if answers[-1].status == 409:
            answers.append(send())
        return answers[-1].status != 409

    eventually(has_ended)
    assert {answer.code for answer in answers[:-1]} <= {"idempotency_in_flight"}
    return answers[-1]


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("path_of", [_path_of_webhook_test, _path_of_mcp_test])
def test_a_test_with_a_disconnected_caller_is_made_once(
    api: Api, org: Organization, slow_server: SlowServer, path_of: Callable[[Organization, str], str], how: str
) -> None:
    path = path_of(org, slow_server.url)
    _send_and_disconnect(api, org.manager.secret, path, {}, lambda: len(slow_server.received) == 1, how)
    meanwhile = org.client.post(path, {}, idempotency_key=_KEY)
    assert (meanwhile.status, meanwhile.code) == (409, "idempotency_in_flight")
    slow_server.may_answer.set()
    repeat = _repeat(lambda: org.client.post(path, {}, idempotency_key=_KEY))
    assert (repeat.status, repeat.headers["idempotency-replayed"]) == (200, "true")
    request_count = len(slow_server.received)
    assert org.client.post(path, {}, idempotency_key=_KEY).content == repeat.content
    assert len(slow_server.received) == request_count
    if path_of is _path_of_webhook_test:
        assert request_count == 1


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_call_with_a_disconnected_caller_is_made_once(
    api: Api, org: Organization, slow_server: SlowServer, how: str
) -> None:
    calls = Calls(org, slow_server.url)
    body = {"mcp_id": calls.mcp_id, "tool": "add", "arguments": {"numbers": [1]}}
    running: Callable[[], bool] = lambda: len(slow_server.received) == 1  # noqa: E731
    _send_and_disconnect(api, calls.key.secret, "/v1/mcp/invoke", body, running, how)
    slow_server.may_answer.set()
    repeat = _repeat(lambda: calls.key.client.post("/v1/mcp/invoke", body, idempotency_key=_KEY))
    assert (repeat.status, repeat.headers["idempotency-replayed"]) == (502, "true")
    request_count = len(slow_server.received)
    assert calls.key.client.post("/v1/mcp/invoke", body, idempotency_key=_KEY).content != b""
    assert len(slow_server.received) == request_count


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_change_with_a_disconnected_caller_is_made_once(api: Api, org: Organization, how: str) -> None:
    body = {"name": f"cut off by {how}"}
    _send_and_disconnect(api, org.manager.secret, "/v1/api-keys", body, lambda: True, how)
    repeat = _repeat(lambda: org.client.post("/v1/api-keys", body, idempotency_key=_KEY))
    assert repeat.status == 201
    found = org.client.get("/v1/api-keys", {"q": body["name"]}).data
    assert [key["id"] for key in found] == [repeat.data["id"]]


def test_the_outcome_of_a_test_is_unknown_after_the_service_was_killed(
    start_api: StartApi, slow_server: SlowServer
) -> None:
    api = start_api()
    org = api.organization()
    path = _path_of_webhook_test(org, slow_server.url)

    def kill_while_it_runs() -> bool:
        if slow_server.received:
            api.server.kill()
        return bool(slow_server.received)

    _send_and_disconnect(api, org.manager.secret, path, {}, kill_while_it_runs, "close")
    api.server.start()
    assert org.client.post(path, {}, idempotency_key=_KEY).code == "idempotency_in_flight"
    api.database.rows("update idempotency_keys set ends_by = now() - interval '1 second'")
    repeat = org.client.post(path, {}, idempotency_key=_KEY)
    assert (repeat.status, repeat.code) == (409, "conflict")
    assert "Use a new key" in repeat.json["detail"]
    assert len(slow_server.received) == 1
    slow_server.may_answer.set()
    assert org.client.post(path, {}, idempotency_key="another").status == 200
    assert len(slow_server.received) == 2
