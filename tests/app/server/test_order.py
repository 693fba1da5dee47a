"""Several requests on one connection: their responses come in order, whatever answers them and however they arrive."""

import json
import random
from itertools import pairwise
from typing import Any, cast

import pytest

from tests.app.conftest import StartApi
from tests.app.organizations import Api, Organization
from tests.app.server.raw_connection import CHECK, RawConnection, Response, check, connected, request, verification
from tests.random_input import random_seed
from tests.waiting import eventually

VARYING = {"x-request-id", "date", "x-ratelimit-reset", "x-ratelimit-remaining"}


def mixed(org: Organization) -> list[bytes]:
    """Return requests of hot routes and of others: valid, refused, with and without bodies."""
    secret, path = org.manager.secret, f"{CHECK}?organization_id={org.id}"
    body = json.dumps({"key": secret}).encode()
    chunked = request(
        "POST", "/v1/api-keys/verify", f"X-API-Key: {secret}", "Content-Type: application/json",
        "Transfer-Encoding: chunked",
    )  # fmt: skip
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(body[at : at + 7]), body[at : at + 7]) for at in range(0, len(body), 7))
    return [
        verification(secret, secret),
        request("GET", "/health/live"),
        check(path, secret),
        check(path, "nothing"),
        request("GET", "/v1/api-keys", f"Authorization: Bearer {secret}"),
        check(path, secret, "Content-Length: 3", method="PUT") + b"abc",
        verification(secret, "pk_live_wrong"),
        chunked + chunks + b"0\r\nX-Trailer: a\r\n\r\n",
        request("GET", "/nowhere"),
        request("POST", "/v1/api-keys/verify", f"X-API-Key: {secret}", body=b"{"),
        request("GET", "/problems/conflict", "Accept: text/html"),
        request(
            "POST", "/v1/api-keys/verify", f"X-API-Key: {secret}", "Upgrade: h2c", "Connection: upgrade", body=body
        ),
    ]


def numbered(requests: list[bytes]) -> list[bytes]:
    return [each.replace(b"X-Request-Id: r\r\n", b"X-Request-Id: r%d\r\n" % n) for n, each in enumerate(requests)]


def essence(response: Response) -> tuple[int, dict[str, str], object]:
    headers = {name: value for name, value in response.headers.items() if name not in VARYING | {"content-length"}}
    body: object = response.body
    if headers["content-type"] in {"application/json", "application/problem+json"}:
        parts: dict[str, Any] = response.json
        for part in (parts.get("data"), parts.get("error")):
            for name in ("event_id", "request_id", "remaining"):
                if isinstance(part, dict):
                    cast("dict[str, Any]", part).pop(name, None)
        body = parts
    return response.status, headers, body


def alone(api: Api, requests: list[bytes]) -> list[tuple[int, dict[str, str], object]]:
    found: list[tuple[int, dict[str, str], object]] = []
    for each in requests:
        with connected(api) as connection:
            connection.send(each)
            found.append(essence(connection.response()))
    return found


def answers(connection: RawConnection, number: int) -> list[Response]:
    return [connection.response() for _ in range(number)]


def test_pipelined_requests_are_answered_in_order(api: Api, org: Organization) -> None:
    requests = numbered(mixed(org) * 4)
    with connected(api) as connection:
        connection.send(b"".join(requests))
        received = answers(connection, len(requests))
    assert [each.headers["x-request-id"] for each in received] == [f"r{n}" for n in range(len(requests))]


@pytest.mark.parametrize("way", ["bytes", "random", "whole"])
def test_responses_do_not_depend_on_how_the_bytes_arrive(api: Api, org: Organization, way: str) -> None:
    requests = mixed(org)
    expected = alone(api, requests)
    chance = random.Random(random_seed())  # noqa: S311 -- no secret
    for _ in range(1 if way == "bytes" else 10):
        order = list(range(len(requests)))
        chance.shuffle(order)
        sent = b"".join(requests[n] for n in order)
        with connected(api) as connection:
            connection.send(*split(sent, way, chance))
            received = answers(connection, len(order))
        assert [essence(each) for each in received] == [expected[n] for n in order]


def split(sent: bytes, way: str, chance: random.Random) -> list[bytes]:
    if way == "whole":
        return [sent]
    if way == "bytes":
        return [sent[at : at + 1] for at in range(len(sent))]
    cuts = sorted({0, len(sent), *(chance.randrange(len(sent)) for _ in range(chance.randrange(60)))})
    return [sent[begin:end] for begin, end in pairwise(cuts)]


def test_nothing_is_answered_after_a_request_that_closes_the_connection(api: Api, org: Organization) -> None:
    for last in ("/health/live", f"{CHECK}?organization_id={org.id}"):
        with connected(api) as connection:
            connection.send(check(last, org.manager.secret, "Connection: close"), request("GET", "/health/live"))
            answer = connection.response()
            assert (answer.status, answer.headers["connection"]) == (200, "close")
            assert connection.is_closed()


def test_an_invalid_request_does_not_affect_the_valid_ones_before_it(api: Api, org: Organization) -> None:
    with connected(api) as connection:
        connection.send(verification(org.manager.secret, org.manager.secret) + b"nonsense\r\n\r\n")
        assert connection.response().json["data"]["valid"]
        assert connection.response().status == 400
        assert connection.is_closed()


def test_many_pipelined_requests_that_are_not_read_stop_the_server_from_reading(api: Api) -> None:
    """Otherwise one client could fill the memory of the server with requests and responses."""
    with connected(api, receive_bytes=4_096) as connection:
        connection.socket.settimeout(2)
        one = request("GET", CHECK) * 100
        with pytest.raises(TimeoutError):
            connection.send(*[one] * 10_000)
        connection.socket.settimeout(60)
        # The server continues where it stopped.
        for _ in range(1_000):
            assert connection.response().status == 401


def test_a_client_that_does_not_read_its_responses_is_disconnected(start_api: StartApi) -> None:
    brief = start_api(KEYLEDGER_KEEP_ALIVE_SECONDS="2")
    with connected(brief, receive_bytes=4_096) as connection:
        connection.socket.settimeout(1)
        with pytest.raises(TimeoutError):
            connection.send(*[request("GET", CHECK) * 100] * 10_000)

        def is_disconnected() -> bool:
            try:
                connection.socket.send(b"G")
            except TimeoutError:
                return False
            except OSError:
                return True
            return False

        eventually(is_disconnected)


def test_the_log_context_of_a_request_does_not_reach_the_next_one(api: Api, org: Organization) -> None:
    with connected(api) as connection:
        listed = request("GET", "/v1/api-keys", f"Authorization: Bearer {org.manager.secret}", request_id="context-1")
        connection.send(listed + request("GET", "/nowhere", request_id="context-2"))
        answers(connection, 2)
    deadline_lines = [json.loads(line) for line in _lines(api, "context-2")]
    assert deadline_lines
    assert all("organization_id" not in line and "key_id" not in line for line in deadline_lines)


def _lines(api: Api, request_id: str) -> list[str]:
    def found() -> list[str]:
        return [line for line in api.server.log.read_text().splitlines() if f'"{request_id}"' in line]

    eventually(lambda: bool(found()))
    return found()
