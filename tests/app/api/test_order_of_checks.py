"""Order of checks: the key of a request is checked and counted before the rest of the request."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from domain.keys.events import RateLimit
from domain.keys.permissions import Permissions
from domain.usage.quota import month_of
from infrastructure.clock import now
from tests.app.client import Client, Response
from tests.app.conftest import StartApi
from tests.app.organizations import Api, Key, Organization, unknown_secret

HEADERS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
JSON = {"Content-Type": "application/json"}
MCP_ID = "mcp_" + "0" * 26


class Bad(NamedTuple):
    """A request that is refused with `status` to any caller."""

    method: str
    path: str
    status: int
    action: str
    content: bytes = b""
    headers: dict[str, str] = JSON


BODIES: dict[str, tuple[int, bytes, dict[str, str]]] = {
    "no JSON": (400, b"{", JSON),
    "no object": (400, b"[]", JSON),
    "no UTF-8": (400, b'{"\xff": 1}', JSON),
    "another type": (415, b"key=1", {"Content-Type": "text/plain"}),
    "no type": (415, b"{}", {}),
    "an unknown field": (422, b'{"unknown": 1}', JSON),
    "nothing": (422, b"", {}),
    "too large": (413, b" " * (1024 * 1024 + 1), JSON),
}
POSTS = {
    "/v1/api-keys/verify": "manage",
    "/v1/mcp/invoke": "call",
    "/v1/mcp/resources": "call",
    "/v1/api-keys": "manage",
    "/v1/mcps": "manage",
}
TOOL = f'{{"mcp_id": "{MCP_ID}", "tool": "add"}}'.encode()
BAD = [
    *(Bad("POST", path, status, action, content, headers)
      for path, action in POSTS.items() for status, content, headers in BODIES.values()),
    *(Bad("POST", f"{path}?a=1", 422, POSTS[path], TOOL) for path in list(POSTS)[:3]),
    Bad("POST", "/v1/api-keys/verify", 422, "manage", b'{"key": "x", "ip": "unknown"}'),
    Bad("POST", "/v1/api-keys/verify", 422, "manage", b'{"key": "x", "mcp_id": "files"}'),
    Bad("POST", "/v1/mcp/invoke", 422, "call", b'{"mcp_id": "files", "tool": "add"}'),
    Bad("POST", "/v1/mcp/invoke", 422, "call", b'{"mcp_id": "mcp_0", "tool": "add", "timeout": 1}'),
    Bad("POST", "/v1/mcp/invoke", 422, "call", TOOL, {**JSON, "Idempotency-Key": "x" * 256}),
    Bad("POST", "/v1/mcp/resources", 422, "call", f'{{"mcp_id": "{MCP_ID}", "uri": "no uri"}}'.encode()),
    Bad("GET", "/v1/auth/check?a=1", 422, "check"),
    Bad("GET", "/v1/auth/check?tool=add", 422, "check"),
    Bad("GET", "/v1/auth/check?mcp_id=files", 422, "check"),
    Bad("GET", f"/v1/auth/check?mcp_id={MCP_ID}&mcp_id={MCP_ID}", 422, "check"),
    Bad("GET", f"/v1/auth/check?mcp_id={MCP_ID}", 413, "check", b" " * (1024 * 1024 + 1)),
    Bad("GET", "/v1/api-keys?a=1", 422, "manage"),
    Bad("GET", "/v1/api-keys", 413, "manage", b" " * (1024 * 1024 + 1)),
    Bad("GET", "/v1/api-keys/key_0", 404, "manage"),
    Bad("DELETE", "/v1/api-keys/key_0", 400, "manage", b"[]"),
]  # fmt: skip
bad_requests = pytest.mark.parametrize("bad", BAD, ids=lambda bad: f"{bad.method} {bad.path} {bad.content[:40]!r}")


@pytest.fixture(scope="module")
def slow_tolerant(start_api: StartApi) -> Api:
    """An API with timeouts long enough to count rate limits on a slow machine."""
    return start_api(KEYLEDGER_REQUEST_TIMEOUT_SECONDS="30", KEYLEDGER_RATE_LIMIT_TIMEOUT_SECONDS="10")


@pytest.fixture(scope="module")
def org(slow_tolerant: Api) -> Organization:
    return slow_tolerant.organization("team")


def send(client: Client, bad: Bad) -> Response:
    return client.request(bad.method, bad.path, content=bad.content or None, headers=bad.headers)


def powerful_key(org: Organization, **fields: Any) -> Key:  # noqa: ANN401 -- of CreateKey
    grants = ("keys:verify", "keys:read", "keys:write", "mcps:write")
    return org.seeded_key(permissions=Permissions(mcps="*", manage=grants), **fields)


def uses(org: Organization, key: Key) -> list[tuple[str, str, str | None]]:
    found = org.activity(key, type="api_key.used")
    return [(use["action"], use["status"], use.get("reason")) for use in found]


@bad_requests
def test_a_revoked_key_is_refused_as_revoked_and_recorded_for_any_bad_request(org: Organization, bad: Bad) -> None:
    key = powerful_key(org)
    org.client.delete(key.path)
    refused = send(key.client, bad)
    assert (refused.status, refused.code) == (401, "revoked_key")
    assert uses(org, key) == [(bad.action, "denied", "revoked_key")]


@bad_requests
def test_a_bad_request_of_a_valid_key_gets_its_limits_and_is_recorded(org: Organization, bad: Bad) -> None:
    key = powerful_key(org)
    refused = send(key.client, bad)
    assert refused.status == bad.status
    assert [refused.headers.get_list(name) for name in HEADERS] == [
        ["1000"], [refused.headers[HEADERS[1]]], [refused.headers[HEADERS[2]]]
    ]  # fmt: skip
    is_recorded_as_invalid = bad.action != "manage" or bad.path.startswith("/v1/api-keys/verify")
    expected = (bad.action, "denied", "invalid_request") if is_recorded_as_invalid else ("manage", "success", None)
    assert uses(org, key) == [expected]


@bad_requests
def test_a_caller_without_a_valid_key_gets_no_details_of_the_bad_request(slow_tolerant: Api, bad: Bad) -> None:
    for secret in (None, unknown_secret(), "pk_live_"):
        refused = send(slow_tolerant.client(secret), bad)
        assert (refused.status, refused.code) == (401, "unauthorized")
        assert not refused.details


@bad_requests
def test_a_key_from_another_network_is_refused_before_the_bad_request(org: Organization, bad: Bad) -> None:
    key = powerful_key(org, allowed_ips=("192.0.2.0/24",))
    assert send(key.client, bad).code == "ip_not_permitted"
    assert uses(org, key) == [(bad.action, "denied", "ip_not_permitted")]


@bad_requests
def test_bad_requests_count_against_the_limit_of_the_key(org: Organization, bad: Bad) -> None:
    key = powerful_key(org, rate_limit=RateLimit(per_second=1))
    refused = first_rate_limited(lambda: send(key.client, bad))
    assert refused.code == "rate_limited"
    assert int(refused.headers["retry-after"]) >= 1


def first_rate_limited(send_once: Callable[[], Response]) -> Response:
    """Repeat a request until it gets 429. On any machine, two of many requests fall within one second."""
    for _ in range(100):
        answer = send_once()
        if answer.status == 429:
            return answer
    raise AssertionError("the limit was never reached")


def test_a_bad_request_is_not_billed(slow_tolerant: Api) -> None:
    org = slow_tolerant.organization("pro")
    key = powerful_key(org)
    for bad in BAD:
        assert send(key.client, bad).status in {bad.status, 429}
    assert (
        slow_tolerant.database.rows("select 1 from billed_uses where organization_id = %s and uses > 0", org.id) == []
    )


def test_a_key_over_its_quota_is_refused_before_the_bad_request(slow_tolerant: Api) -> None:
    org = slow_tolerant.organization("pro")
    query = "insert into billed_uses (organization_id, month, lane, uses) values (%s, %s, 63, 50000)"
    slow_tolerant.database.rows(query, org.id, month_of(now()))
    refused = send(powerful_key(org).client, Bad("POST", "/v1/mcp/invoke", 429, "call"))
    assert (refused.status, refused.code) == (429, "quota_exceeded")
