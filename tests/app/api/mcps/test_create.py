"""POST /v1/mcps"""

import re

import pytest

from tests.app.api.api_keys.shapes import INSTANT
from tests.app.leak_scan import UPSTREAM_MARK
from tests.app.organizations import Api, Organization

MCP = {
    "id",
    "name",
    "endpoint_url",
    "description",
    "environment",
    "auth_type",
    "status",
    "health",
    "created_at",
    "last_active",
    "request_count",
    "revision",
    "health_checks",
}
BODY = {"name": "Files", "endpoint_url": "https://mcp.example.com/mcp"}
TOKEN = UPSTREAM_MARK + "token"


def test_a_registered_mcp_is_returned_with_every_field(api: Api, org: Organization) -> None:
    answer = org.client.post("/v1/mcps", {**BODY, "description": "What it is for"})
    assert answer.status == 201
    assert set(answer.data) == MCP
    assert re.fullmatch(r"mcp_[0-7][0-9a-hjkmnp-tv-z]{25}", answer.data["id"])
    assert re.fullmatch(INSTANT, answer.data["created_at"])
    assert answer.data | {"id": "", "created_at": ""} == {
        "id": "",
        "name": "Files",
        "endpoint_url": "https://mcp.example.com/mcp",
        "description": "What it is for",
        "environment": "live",
        "auth_type": "none",
        "status": "active",
        "health": "unknown",
        "created_at": "",
        "last_active": None,
        "request_count": 0,
        "revision": 1,
        "health_checks": True,
    }
    assert (answer.headers["x-revision"], answer.headers["etag"]) == ("1", '"1"')
    assert org.client.get("/v1/mcps").data == [answer.data]
    assert api.events_of(answer.data["id"]) == ["mcp.created"]


CREDENTIALS: dict[str, dict[str, str]] = {
    "none": {},
    "bearer": {"auth_token": TOKEN},
    "api_key": {"auth_token": TOKEN, "auth_header": "X-Upstream-Key"},
    "basic": {"auth_username": "keyledger", "auth_password": TOKEN},
    "query": {"auth_parameter": "apiKey", "auth_token": TOKEN},
}


@pytest.mark.parametrize("auth_type", CREDENTIALS)
def test_a_credential_is_sealed_and_never_returned(api: Api, org: Organization, auth_type: str) -> None:
    answer = org.client.post("/v1/mcps", {**BODY, "auth_type": auth_type, **CREDENTIALS[auth_type]})
    path = f"/v1/mcps/{answer.data['id']}"
    assert answer.data["auth_type"] == auth_type
    for shown in (answer, org.client.get(path), org.client.get("/v1/mcps")):
        assert UPSTREAM_MARK not in shown.content.decode()
        assert "auth_token" not in shown.content.decode()
    sealed = api.database.rows("select sealed from mcp_credentials where mcp_id = %s", answer.data["id"])
    assert len(sealed) == (0 if auth_type == "none" else 1)
    assert all(UPSTREAM_MARK.encode() not in bytes(row[0]) for row in sealed)
    (event,) = api.database.rows("select body from events where stream_id = %s", answer.data["id"])
    assert UPSTREAM_MARK.encode() not in bytes(event[0])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "\x1b[2J"}, "name"),
        ({"description": "x" * 501}, "description"),
        ({"environment": "staging"}, "environment"),
        ({"endpoint_url": ""}, "endpoint_url"),
        ({"endpoint_url": 5}, "endpoint_url"),
        ({"endpoint_url": "https://" + "x" * 3_000}, "endpoint_url"),
        ({"auth_type": "oauth"}, "auth_type"),
        ({"auth_type": "bearer"}, "auth_token"),
        ({"auth_type": "bearer", "auth_token": ""}, "auth_token"),
        ({"auth_type": "bearer", "auth_token": "a\r\nX-Evil: 1"}, "auth_token"),
        ({"auth_type": "bearer", "auth_token": "x" * 8_193}, "auth_token"),
        ({"auth_type": "bearer", "auth_token": "t", "auth_password": "p"}, "auth_password"),
        ({"auth_type": "api_key"}, "auth_token"),
        ({"auth_type": "api_key", "auth_token": "t", "auth_header": "Host"}, "auth_header"),
        ({"auth_type": "api_key", "auth_token": "t", "auth_header": "Mcp-Session-Id"}, "auth_header"),
        ({"auth_type": "api_key", "auth_token": "t", "auth_header": "a b"}, "auth_header"),
        ({"auth_type": "query", "auth_token": "t"}, "auth_parameter"),
        ({"auth_type": "query", "auth_parameter": "apiKey"}, "auth_token"),
        ({"auth_type": "query", "auth_parameter": "a&b", "auth_token": "t"}, "auth_parameter"),
        ({"auth_type": "bearer", "auth_parameter": "a", "auth_token": "t"}, "auth_parameter"),
        ({"auth_type": "basic", "auth_password": "p"}, "auth_username"),
        ({"auth_type": "basic", "auth_username": "u"}, "auth_password"),
        ({"auth_type": "basic", "auth_username": "u:v", "auth_password": "p"}, "auth_username"),
        ({"auth_token": "t"}, "auth_token"),
        ({"token": "t"}, "token"),
    ],
)
def test_an_invalid_field_is_named(refused_org: Organization, body: dict[str, object], field: str) -> None:
    refused = refused_org.client.post("/v1/mcps", {**BODY, **body})
    assert (refused.status, refused.code) == (422, "validation_error")
    assert set(refused.details) == {field}


@pytest.mark.parametrize(
    ("auth_type", "fields"),
    [("basic", ["auth_username", "auth_password"]), ("query", ["auth_parameter", "auth_token"])],
)
def test_missing_credential_fields_are_listed_in_a_fixed_order(
    refused_org: Organization, auth_type: str, fields: list[str]
) -> None:
    refused = refused_org.client.post("/v1/mcps", {**BODY, "auth_type": auth_type})
    assert list(refused.details.items()) == [(name, f"Required for auth_type {auth_type}") for name in fields]


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/",
        "https://10.0.0.1/mcp",
        "https://192.168.1.1/mcp",
        "https://172.16.0.1/mcp",
        "https://100.64.0.1/mcp",
        "https://0.0.0.0/mcp",
        "https://[::1]/mcp",
        "https://[::ffff:169.254.169.254]/mcp",
        "https://[fd00::1]/mcp",
        "https://[fe80::1]/mcp",
        "https://2130706433/mcp",
        "https://0x7f.1/mcp",
        "https://0251.0376.0251.0376/mcp",
        "https://user:pass@mcp.example.com/mcp",
        "https://mcp.example.com/mcp#x",
        "https://mcp.example.com:0/mcp",
        "https://mcp.example.com:99999/mcp",
        "https://mcp.example.com\\@169.254.169.254/",
        "https://mcp.example.com/a b",
        "https://münchen.example/mcp",
        "file:///etc/passwd",
        "gopher://mcp.example.com/",
        "mcp.example.com/mcp",
        "//mcp.example.com/mcp",
        "https://",
        "https:///mcp",
        "http://93.184.215.14/mcp",
    ],
)
def test_a_forbidden_address_is_refused(api: Api, refused_org: Organization, url: str) -> None:
    refused = refused_org.client.post("/v1/mcps", {**BODY, "endpoint_url": url})
    assert (refused.status, refused.code) == (422, "validation_error")
    assert set(refused.details) == {"endpoint_url"}
    assert api.database.rows("select 1 from mcp_list where organization_id = %s", refused_org.id) == []


def test_an_address_allowed_by_the_operator_may_use_plain_http(org: Organization) -> None:
    assert org.client.post("/v1/mcps", {**BODY, "endpoint_url": "http://127.0.0.1:9/mcp"}).status == 201


def test_the_plan_limits_the_number_of_mcps(api: Api) -> None:
    org = api.organization("free")
    for _ in range(5):
        org.mcp()
    refused = org.client.post("/v1/mcps", BODY)
    assert (refused.status, refused.code) == (403, "mcp_limit_reached")
    assert refused.details == {"limit": 5, "used": 5, "plan": "free"}
    mcp_id = org.client.get("/v1/mcps").data[0]["id"]
    org.client.delete(f"/v1/mcps/{mcp_id}")
    assert org.client.post("/v1/mcps", BODY).status == 201


def test_a_repeated_registration_stores_one_credential(api: Api, org: Organization) -> None:
    body = {**BODY, "auth_type": "bearer", "auth_token": TOKEN}
    first = org.client.post("/v1/mcps", body, idempotency_key="k")
    assert org.client.post("/v1/mcps", body, idempotency_key="k").data == first.data
    rows = api.database.rows("select 1 from mcp_credentials where organization_id = %s", org.id)
    assert len(rows) == 1


@pytest.mark.parametrize("name", ["tavilyApiKey", "exaApiKey", "accessToken", "api%5Fkey", "api%255Fkey"])
def test_a_credential_in_the_url_is_refused_and_the_remedy_works(org: Organization, name: str) -> None:
    body = {**BODY, "endpoint_url": f"https://mcp.example.com/mcp?{name}={UPSTREAM_MARK}hidden"}
    refused = org.client.post("/v1/mcps", body)
    assert (refused.status, set(refused.details)) == (422, {"endpoint_url"})
    assert "auth_type query" in refused.details["endpoint_url"]
    assert UPSTREAM_MARK not in refused.content.decode()
    sealed = {"auth_type": "query", "auth_parameter": "tavilyApiKey", "auth_token": UPSTREAM_MARK + "hidden"}
    made = org.client.post("/v1/mcps", {**BODY, **sealed})
    assert made.status == 201
    moved = org.client.patch(f"/v1/mcps/{made.data['id']}", {"endpoint_url": body["endpoint_url"]})
    assert (moved.status, set(moved.details)) == (422, {"endpoint_url"})
