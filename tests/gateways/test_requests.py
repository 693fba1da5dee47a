"""Requests that each gateway passes on: identity headers, addresses, methods, bodies and streams."""

import hashlib
from collections.abc import Generator
from typing import Any

import httpx2
import pytest

from tests.app.organizations import Key, Organization
from tests.gateways.measuring import FORGED, IDENTITY, Answer, Asker
from tests.gateways.programs import Gateway
from tests.gateways.upstream import FIRST_EVENT, Upstream
from tests.random_input import random_bytes

CLIENT = "127.0.0.7"
"""An address of this machine other than that of the gateways."""

SPELLINGS = (
    "/tools/search",
    "/tools/search/",
    "/tools/search/1",
    "/TOOLS/search/1",
    "/Tools/Search",
    "/tools/%73earch/1",
    "/tools/search%2F1",
    "/tools//search/1",
    "/tools/./search/1",
    "/tools/x/../search/1",
    "/tools/x/%2e%2e/search/1",
    "/tools/x/..%2Fsearch/1",
)


@pytest.fixture(scope="module")
def key(org: Organization, mcp_id: str) -> Key:
    """A key for the MCP server and for all tools except `search`."""
    permissions = {"mcps": [mcp_id], "tools": {mcp_id: {"deny": ["search"]}}}
    return org.key(name="Ünïcode", permissions=permissions)


def identity_of(answer: Answer) -> dict[str, list[str]]:
    return {name: answer.received[name] for name in IDENTITY}


def expected_identity(key: Key, org: Organization) -> dict[str, list[str]]:
    values = (key.id, "%C3%9Cn%C3%AFcode", org.id, "live")
    return {name: [value] for name, value in zip(IDENTITY, values, strict=True)}


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_the_upstream_gets_the_identity_and_never_the_key(
    proxy: Asker, org: Organization, key: Key, header: str
) -> None:
    """The client sent its own identity headers, twice each."""
    value = f"Bearer {key.secret}" if header == "Authorization" else key.secret
    answer = proxy.ask(headers=[(header, value)])
    assert answer.status == 200
    assert identity_of(answer) == expected_identity(key, org)
    assert FORGED not in str(answer.json)
    assert key.secret not in str(answer.json)
    assert not {"authorization", "x-api-key"} & set(answer.received)


@pytest.mark.parametrize("name", ["X-Key-Id", "X-Organization-Id", "Authorization"])
def test_a_client_cannot_remove_headers_that_the_gateway_sets(
    proxy: Asker, org: Organization, key: Key, name: str
) -> None:
    """Headers that `Connection` names belong to the connection (RFC 9110 §7.6.1); a proxy removes them."""
    answer = proxy.ask(key.secret, headers=[("Connection", f"close, {name}")])
    if answer.reached:
        assert identity_of(answer) == expected_identity(key, org)
        assert key.secret not in str(answer.json)
    else:
        assert answer.status in {400, 401}


def test_the_address_of_the_client_is_recorded(asker: Asker, org: Organization, mcp_id: str) -> None:
    """The client claims another address."""
    used = org.key(permissions={"mcps": [mcp_id]})
    headers = [("X-Forwarded-For", "203.0.113.9"), ("X-Real-IP", "203.0.113.9"), ("User-Agent", "client/1")]
    assert asker.ask(used.secret, headers=headers, address=CLIENT).status == 200
    (use,) = org.activity(used, type="api_key.used")
    assert (use["ip"], use["user_agent"], use["mcp_id"]) == (CLIENT, "client/1", mcp_id)


def test_an_application_admits_the_key_in_x_api_key(asker: Asker, key: Key) -> None:
    answer = asker.ask(headers=[("X-API-Key", key.secret)])
    assert answer.status == 200
    if not asker.gateway.passes_on:
        assert answer.json == {"key_id": key.id}


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_reaches_the_upstream_unchanged(proxy: Asker, key: Key, *, is_chunked: bool) -> None:
    body = random_bytes(2_000_000)

    def chunks() -> Generator[bytes]:
        yield from (body[start : start + 50_000] for start in range(0, len(body), 50_000))

    answer = proxy.ask(key.secret, "/mcp?a=1&b=2", "POST", content=chunks() if is_chunked else body)
    assert answer.status == 200
    assert (answer.json["method"], answer.json["path"]) == ("POST", "/mcp?a=1&b=2")
    assert answer.json["body"] == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("method", ["HEAD", "POST", "DELETE", "OPTIONS"])
def test_a_request_of_any_method_is_checked_and_passed_on(
    proxy: Asker, org: Organization, key: Key, method: str
) -> None:
    refused = proxy.ask(method=method)
    assert (refused.status, refused.reached) == (401, False)
    answer = proxy.ask(key.secret, method=method)
    assert (answer.status, answer.headers["x-upstream-method"]) == (200, method)


def test_a_request_with_large_headers_is_checked(proxy: Asker, key: Key) -> None:
    answer = proxy.ask(key.secret, headers=[("Cookie", "a=" + "b" * 6_000)])
    assert answer.status == 200
    assert len(answer.received["cookie"][0]) > 6_000


def test_an_event_arrives_before_the_stream_ends(proxy: Asker, upstream: Upstream, key: Key) -> None:
    upstream.may_end.clear()
    headers = {"Authorization": f"Bearer {key.secret}", "Accept": "text/event-stream"}
    with httpx2.stream("GET", f"{proxy.gateway.url}/events", headers=headers, timeout=30) as response:
        assert next(response.iter_raw()) == FIRST_EVENT
        upstream.may_end.set()


@pytest.mark.parametrize("path", SPELLINGS)
def test_each_spelling_of_a_path_is_sent_as_it_is(upstream: Upstream, path: str) -> None:
    direct = Asker(Gateway("none", f"http://127.0.0.1:{upstream.port}", passes_on=True), upstream)
    assert direct.ask(path=path).json["path"] == path


def test_a_path_that_stands_for_a_tool_needs_a_key_for_the_tool(
    proxy: Asker, org: Organization, key: Key, mcp_id: str
) -> None:
    """A path that an upstream may understand as that path is refused too, or understood by the gateway itself."""
    assert proxy.ask(key.secret, "/tools/fetch/1").status == 200
    assert proxy.ask(key.secret, "/tools/searching").status == 200
    reached = [path for path in SPELLINGS if proxy.ask(key.secret, path).reached]
    assert reached == []
    permitted = org.key(permissions={"mcps": [mcp_id]})
    assert proxy.ask(permitted.secret, "/tools/search/1").status == 200
    assert org.activity(permitted, type="api_key.used")[0]["tool"] == "search"


def test_a_refusal_has_the_body_and_headers_of_keyledger(asker: Asker) -> None:
    answer = asker.ask()
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers.get_list("www-authenticate") == ['Bearer realm="keyledger"']
    body: Any = answer.json
    assert (body["status"], body["error"]["code"]) == (401, "unauthorized")
