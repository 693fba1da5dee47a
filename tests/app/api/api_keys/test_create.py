"""POST /v1/api-keys"""

import re
from datetime import UTC, datetime, timedelta

import pytest

from domain.grants import GRANTS
from domain.keys.permissions import Permissions
from domain.secret import parse
from tests.app.api.api_keys.shapes import CREATED, INSTANT, NO_USAGE
from tests.app.organizations import Api, Organization


def test_a_created_key_is_returned_with_every_field(org: Organization) -> None:
    answer = org.client.post("/v1/api-keys", {"name": "Deploy"})
    assert answer.status == 201
    data = answer.data
    assert set(data) == CREATED
    assert re.fullmatch(INSTANT, data["created_at"])
    assert re.fullmatch(r"key_[0-7][0-9a-hjkmnp-tv-z]{25}", data["id"])
    secret = data.pop("key")
    assert parse(secret) is not None
    assert data == {
        "id": data["id"],
        "name": "Deploy",
        "description": "",
        "prefix": secret[:12],
        "last4": secret[-4:],
        "imported": False,
        "environment": "live",
        "status": "active",
        "created_at": data["created_at"],
        "created_by": {"id": org.manager.id, "type": "api_key", "name": "Manager"},
        "last_used": None,
        "expires_at": None,
        "revoked_at": None,
        "revoked_reason": None,
        "permissions": {"mcps": [], "tools": {}, "manage": []},
        "rate_limit": None,
        "allowed_ips": [],
        "metadata": {},
        "revision": 1,
        "usage": NO_USAGE,
    }


def test_the_response_has_the_revision_in_its_headers(org: Organization) -> None:
    answer = org.client.post("/v1/api-keys", {"name": "Deploy"})
    assert (answer.headers["x-revision"], answer.headers["etag"]) == ("1", '"1"')


def test_a_created_key_works_immediately(org: Organization) -> None:
    key = org.key()
    assert key.client.get(key.check_path).status == 200


def test_the_creation_is_in_the_log(api: Api, org: Organization) -> None:
    assert api.events_of(org.key().id) == ["api_key.created"]


def test_every_field_is_stored(org: Organization) -> None:
    mcp_id = org.mcp()
    ends = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0)
    body = {
        "name": "Ünïcode · 日本",
        "description": "What it is for.\nOn two lines.",
        "expires_at": ends.isoformat().replace("+00:00", "Z"),
        "environment": "live",
        "permissions": {
            "mcps": [mcp_id],
            "tools": {mcp_id: {"allow": ["get_*"], "deny": ["get_secret"]}},
            "manage": ["keys:read"],
        },
        "rate_limit": {"per_second": 5},
        "allowed_ips": ["10.0.0.0/8", "2001:db8::/32"],
        "metadata": {"team": "platform", "ticket": "K-1"},
    }
    created = org.client.post("/v1/api-keys", body).data
    assert {name: created[name] for name in body} == body
    detail = org.client.get(f"/v1/api-keys/{created['id']}").data
    assert {name: detail[name] for name in body} == body


def test_a_key_has_its_creators_environment_by_default(org: Organization) -> None:
    tester = org.seeded_key(environment="test", permissions=Permissions(mcps="*", manage=GRANTS))
    data = tester.client.post("/v1/api-keys", {"name": "Deploy"}).data
    assert data["environment"] == "test"
    assert data["key"].startswith("pk_test_")


def test_expires_in_days_counts_from_the_creation(org: Organization) -> None:
    created = org.client.post("/v1/api-keys", {"name": "Deploy", "expires_in_days": 90}).data
    lifetime = datetime.fromisoformat(created["expires_at"]) - datetime.fromisoformat(created["created_at"])
    assert lifetime == timedelta(days=90)


def test_an_expiry_in_another_time_zone_is_returned_in_utc(org: Organization) -> None:
    created = org.client.post("/v1/api-keys", {"name": "Deploy", "expires_at": "2100-01-01T01:00:00+02:00"}).data
    assert created["expires_at"] == "2099-12-31T23:00:00Z"


def test_every_secret_is_different(org: Organization) -> None:
    assert len({org.key().secret for _ in range(10)}) == 10


UNKNOWN_MCP = "mcp_" + "0" * 26


@pytest.mark.parametrize(
    ("body", "field", "remedy"),
    [
        ({}, "name", "Required"),
        ({"name": ""}, "name", "Must not be empty"),
        ({"name": "   "}, "name", "Must not be empty"),
        ({"name": "x" * 101}, "name", "Must have at most 100 characters"),
        ({"name": "a\0b"}, "name", "U+0000"),
        ({"name": 5}, "name", "Must be a string, not a whole number"),
        ({"name": None}, "name", "Must be a string, not null"),
        ({"description": "x" * 501}, "description", "Must have at most 500 characters"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at", "Must be a future date"),
        ({"expires_at": "2100-01-01T00:00:00"}, "expires_at", "Must have a time zone, such as the Z in"),
        ({"expires_at": "2100-01-01"}, "expires_at", "Must be an instant (RFC 3339), such as"),
        ({"expires_at": "next year"}, "expires_at", "Must be an instant (RFC 3339), such as"),
        ({"expires_at": "9999-12-31T23:59:59Z"}, "expires_at", "before the year 9999"),
        ({"expires_at": "never"}, "expires_at", "Must be an instant (RFC 3339), such as"),
        ({"expires_at": "0001-01-01T00:00:00+23:59"}, "expires_at", "Must be a future date"),
        ({"expires_at": "9999-12-31T23:59:59-23:59"}, "expires_at", "before the year 9999"),
        ({"expires_in_days": 0}, "expires_in_days", "Must be at least 1"),
        ({"expires_in_days": -1}, "expires_in_days", "Must be at least 1"),
        ({"expires_in_days": 36_501}, "expires_in_days", "Must be at most 36500"),
        ({"expires_in_days": 1.5}, "expires_in_days", "Must be a whole number or null"),
        ({"expires_in_days": "30"}, "expires_in_days", "Must be a whole number or null"),
        ({"expires_in_days": 10**30}, "expires_in_days", "Must be at most 36500"),
        ({"expires_in_days": 1, "expires_at": "2100-01-01T00:00:00Z"}, "expires_in_days", "not both"),
        ({"expires_days": 30}, "expires_days", "Unknown field"),
        ({"environment": "staging"}, "environment", "Must be one of live, test"),
        ({"permissions": {"mcps": [UNKNOWN_MCP]}}, "permissions.mcps", "No such MCP"),
        ({"permissions": {"mcps": "all"}}, "permissions.mcps", "Must be * or an array"),
        ({"permissions": {"mcps": ["*"]}}, "permissions.mcps", "No such MCP"),
        (
            {"permissions": {"manage": ["keys:everything"]}},
            "permissions.manage[0]",
            "keys:read, keys:verify, keys:write",
        ),
        ({"permissions": {"tools": {UNKNOWN_MCP: {}}}}, f"permissions.tools.{UNKNOWN_MCP}", "No such MCP"),
        ({"permissions": {"scopes": []}}, "permissions.scopes", "Unknown field"),
        ({"permissions": {"tools": {"x": {"allowed": []}}}}, "permissions.tools[...].allowed", "Unknown field"),
        ({"permissions": "*"}, "permissions", "Must be an object, not a string"),
        ({"rate_limit": {"per_second": 0}}, "rate_limit.per_second", "Must be between"),
        ({"rate_limit": {"per_minute": 5}}, "rate_limit.per_minute", "Unknown field"),
        ({"rate_limit": {}}, "rate_limit.per_second", "Required"),
        ({"allowed_ips": ["10.0.0.1/8"]}, "allowed_ips[0]", "did you mean 10.0.0.0/8"),
        ({"allowed_ips": ["everywhere"]}, "allowed_ips[0]", "Must be an IPv4 or IPv6 network"),
        ({"allowed_ips": "10.0.0.0/8"}, "allowed_ips", "Must be an array, not a string"),
        ({"allowed_ips": ["10.0.0.0/8"] * 101}, "allowed_ips", "at most 100"),
        ({"metadata": {str(n): "" for n in range(17)}}, "metadata", "at most 16"),
        ({"metadata": {"a": 1}}, "metadata[...]", "Must be a string, not a whole number"),
        ({"metadata": {"": "x"}}, "metadata", "empty"),
        ({"metadata": {"a": "x" * 501}}, "metadata.a", "at most 500"),
        ({"metadata": {"a": "\0"}}, "metadata.a", "U+0000"),
        ({"metadata": []}, "metadata", "Must be an object, not an array"),
        ({"key": "mine"}, "key", "Unknown field"),
        ({"organization_id": "org_x"}, "organization_id", "Unknown field"),
    ],
)
def test_an_invalid_field_is_named_with_a_remedy(
    refused_org: Organization, body: dict[str, object], field: str, remedy: str
) -> None:
    refused = refused_org.client.post("/v1/api-keys", body if field == "name" else {"name": "Deploy", **body})
    assert (refused.status, refused.code) == (422, "validation_error")
    assert set(refused.details) == {field}
    assert remedy in refused.details[field]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_an_mcp_of_another_organization_is_reported_like_an_unknown_mcp(
    api: Api, org: Organization, method: str
) -> None:
    foreign, path = api.organization().mcp(), "/v1/api-keys" if method == "POST" else org.key().path
    reported: list[str] = []
    for mcp_id in (foreign, UNKNOWN_MCP):
        for permissions in ({"mcps": [mcp_id]}, {"mcps": "*", "tools": {mcp_id: {"deny": ["*"]}}}):
            body = {"name": "Deploy", "permissions": permissions}
            refused = org.client.request(method, path, body)
            assert (refused.status, refused.code) == (422, "validation_error")
            reported.append(str(refused.details).replace(mcp_id, "-"))
    assert reported[:2] == reported[2:]


def test_all_invalid_fields_are_named_together(org: Organization) -> None:
    body = {"name": "", "allowed_ips": ["x"], "rate_limit": {"per_second": 0}, "expires_at": "2020-01-01T00:00:00Z"}
    refused = org.client.post("/v1/api-keys", body)
    assert set(refused.details) == {"name", "allowed_ips[0]", "rate_limit.per_second", "expires_at"}


def test_an_unknown_query_parameter_is_named(org: Organization) -> None:
    refused = org.client.request("POST", "/v1/api-keys", {"name": "Deploy"}, params={"dry_run": "true"})
    assert (refused.code, refused.details) == ("validation_error", {"dry_run": "Unknown field"})


def test_a_refused_request_creates_nothing(org: Organization) -> None:
    org.client.post("/v1/api-keys", {"name": ""})
    assert org.client.get("/v1/api-keys").json["pagination"]["total"] == 1
