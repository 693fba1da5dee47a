"""A client that uses only the published shapes works: it creates, lists, pages and uses keys, and handles refusals."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from domain.grants import GRANTS
from domain.keys.permissions import Permissions
from tests.app.api.mcp.conftest import Upstream
from tests.app.organizations import Database
from tests.stories.conftest import StartServer
from tests.stories.published_client import PublishedClient, Refused

KEY = {
    "id",
    "name",
    "description",
    "prefix",
    "last4",
    "environment",
    "status",
    "created_at",
    "created_by",
    "last_used",
    "expires_at",
    "revoked_at",
    "revoked_reason",
    "permissions",
    "rate_limit",
    "allowed_ips",
    "metadata",
    "imported",
    "revision",
    "usage",
}
LISTED_KEY = KEY | {"rotating_until", "earlier_secret_last_used", "last_use"}
USAGE = {"total_requests", "requests_today", "requests_this_week", "requests_this_month"}
MCP = {"id", "name", "endpoint_url", "description", "environment", "status", "health", "created_at", "last_active"}


class Service:
    """A running service with one organization, and clients of it."""

    def __init__(self, url: str, database: Database) -> None:
        self.url = url
        self.manager = self.client(database.key(database.organization("pro"), permissions=_all_permissions())[1])

    def client(self, key: str) -> PublishedClient:
        return PublishedClient(self.url, key)


@pytest.fixture
def service(start_server: StartServer, database: Database) -> Service:
    return Service(start_server().url, database)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    started = Upstream(())
    yield started
    started.stop()


def test_a_key_is_created_used_and_revoked(service: Service, upstream: Upstream) -> None:
    manager = service.manager
    endpoint = {"name": "Files", "endpoint_url": upstream.url, "description": "To be read", "auth_type": "none"}
    mcp = manager.request("POST", "/v1/mcps", endpoint)["data"]
    assert mcp.keys() >= MCP
    assert {name: mcp[name] for name in ("name", "endpoint_url", "status")} == {
        "name": "Files",
        "endpoint_url": upstream.url,
        "status": "active",
    }
    tested = manager.request("POST", f"/v1/mcps/{mcp['id']}/test")["data"]
    published = {"reachable", "latency_ms", "protocol_version", "tools_count", "resources_count"}
    assert set(tested) == published | {"code", "problem"}
    assert (tested["reachable"], tested["code"], tested["problem"]) == (True, None, None)

    wanted = {"name": "Production", "permissions": {"mcps": [mcp["id"]]}, "expires_in_days": 90}
    created = manager.request("POST", "/v1/api-keys", wanted)["data"]
    assert set(created) == KEY | {"key"}
    assert created["key"].startswith("pk_live_")
    assert len(created["key"]) == len("pk_live_") + 32
    assert (created["prefix"], created["last4"]) == (created["key"][:12], created["key"][-4:])
    assert set(created["usage"]) == USAGE

    call = {"mcp_id": mcp["id"], "tool": "add", "arguments": {"numbers": [1, 2, 3.5]}}
    called = service.client(created["key"]).request("POST", "/v1/mcp/invoke", call)["data"]
    assert set(called) == {"result", "metadata"}
    assert "6.5" in str(called["result"])
    assert set(called["metadata"]) == {"mcp_id", "tool", "latency_ms", "timestamp"}

    detail = manager.request("GET", f"/v1/api-keys/{created['id']}")["data"]
    assert set(detail) == KEY | {"recent_activity", "secrets"}
    assert [entry["event"] for entry in detail["recent_activity"]] == ["api_key.used", "api_key.created"]

    revoked = manager.request("DELETE", f"/v1/api-keys/{created['id']}")["data"]
    assert set(revoked) == {"id", "status", "revoked_at", "revision"}
    assert (revoked["id"], revoked["status"]) == (created["id"], "revoked")
    refused = _refused(lambda: service.client(created["key"]).request("POST", "/v1/mcp/invoke", call))
    assert (refused.status, refused.code) == (401, "revoked_key")


def test_a_list_is_read_page_by_page(service: Service) -> None:
    names = [f"Key {number}" for number in range(5)]
    for name in names:
        service.manager.request("POST", "/v1/api-keys", {"name": name})
    first = service.manager.request("GET", "/v1/api-keys?page=1&per_page=4")
    assert set(first) == {"success", "data", "pagination"}
    expected = {"page": 1, "per_page": 4, "total": 6, "total_pages": 2}
    assert {name: first["pagination"][name] for name in expected} == expected
    assert all(set(item) == LISTED_KEY for item in first["data"])
    found = [item["name"] for item in service.manager.every("/v1/api-keys", per_page=4)]
    assert len(found) == 6
    assert set(names) < set(found)


def test_the_refusals_have_the_published_codes(service: Service) -> None:
    manager = service.manager
    key = manager.request("POST", "/v1/api-keys", {"name": "For tools"})["data"]["key"]
    unknown = "key_" + "0" * 26
    cases: list[tuple[PublishedClient, tuple[str, str, Any], int, str]] = [
        (service.client("pk_live_nothing"), ("GET", "/v1/api-keys", None), 401, "unauthorized"),
        (service.client(key), ("GET", "/v1/api-keys", None), 403, "forbidden"),
        (manager, ("GET", f"/v1/api-keys/{unknown}", None), 404, "not_found"),
        (manager, ("DELETE", f"/v1/api-keys/{unknown}", None), 404, "not_found"),
        (manager, ("POST", "/v1/api-keys", {"name": ""}), 422, "validation_error"),
        (
            manager,
            ("POST", "/v1/api-keys", {"name": "x", "expires_at": "2000-01-01T00:00:00Z"}),
            422,
            "validation_error",
        ),
        (manager, ("GET", "/v1/api-keys?per_page=101", None), 422, "validation_error"),
    ]
    for client, arguments, status, code in cases:
        refused = _refused(lambda client=client, arguments=arguments: client.request(*arguments))
        assert (refused.status, refused.code) == (status, code), arguments
    past = _refused(
        lambda: manager.request("POST", "/v1/api-keys", {"name": "x", "expires_at": "2000-01-01T00:00:00Z"})
    )
    assert past.details == {"expires_at": "Must be a future date"}


def test_a_client_over_its_rate_limit_gets_retry_after(service: Service) -> None:
    slow = service.manager.request("POST", "/v1/api-keys", {"name": "Slow", "rate_limit": {"per_second": 1}})["data"]
    client = service.client(slow["key"])
    check = f"/v1/auth/check?organization_id={service.manager.request('GET', '/v1/organization')['data']['id']}"

    def exceed_limit() -> None:
        with ThreadPoolExecutor(8) as threads:
            for pending in [threads.submit(client.request, "GET", check) for _ in range(64)]:
                pending.result()

    limited = _refused(exceed_limit)
    assert (limited.status, limited.code) == (429, "rate_limited")
    assert int(limited.headers["Retry-After"]) >= 1
    assert limited.headers["X-RateLimit-Limit"] == "1"
    assert limited.headers["X-RateLimit-Remaining"] == "0"
    assert int(limited.headers["X-RateLimit-Reset"]) > 1_700_000_000


def _refused(request: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as caught:
        request()
    return caught.value


def _all_permissions() -> Permissions:
    return Permissions(mcps="*", manage=GRANTS)
