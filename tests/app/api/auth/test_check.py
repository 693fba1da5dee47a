"""GET /v1/auth/check: the decision for a gateway."""

from urllib.parse import unquote

import pytest

from domain.keys.permissions import Permissions
from infrastructure.clock import new_id
from tests.app.organizations import Api, Key, Organization, unknown_secret
from tests.app.routes import ANY_METHOD


def test_an_accepted_key_is_described_in_headers(org: Organization) -> None:
    key = org.key(name="Caller")
    answer = key.client.get(key.check_path)
    assert answer.status == 200
    assert answer.json == {"success": True, "data": {"valid": True}}
    described = {name: answer.headers[name] for name in answer.headers if name.startswith("x-") and name in HEADERS}
    assert described == {
        "x-key-id": key.id,
        "x-key-name": "Caller",
        "x-organization-id": org.id,
        "x-key-environment": "live",
    }


def test_only_the_check_answers_every_method() -> None:
    assert {"/v1/auth/check"} == ANY_METHOD


HEADERS = {"x-key-id", "x-key-name", "x-organization-id", "x-key-environment"}


@pytest.mark.parametrize("name", ["Ünïcode 日本", "100% sure", "a;b,c=d", "tab-free 'quoted' \"too\"", "é"])
def test_any_key_name_is_encoded_in_a_header(org: Organization, name: str) -> None:
    key = org.key(name=name)
    shown = key.client.get(key.check_path).headers["x-key-name"]
    assert shown.isascii()
    assert shown.isprintable()
    assert unquote(shown) == name


@pytest.mark.parametrize("code", ["unauthorized", "revoked_key", "disabled_key", "expired_key"])
def test_a_refused_key_gets_401(api: Api, org: Organization, code: str) -> None:
    """Nginx forwards 401 and 403 to the client and turns any other status into 500."""
    key = org.expired_key() if code == "expired_key" else org.key()
    match code:
        case "unauthorized":
            caller = api.client(unknown_secret())
        case "revoked_key":
            org.client.delete(key.path)
            caller = key.client
        case "disabled_key":
            org.client.post(f"{key.path}/disable")
            caller = key.client
        case _:
            caller = key.client
    refused = caller.get("/v1/auth/check")
    assert (refused.status, refused.code) == (401, code)
    assert refused.headers["www-authenticate"] == 'Bearer realm="keyledger", error="invalid_token"'
    assert not HEADERS & set(refused.headers)


def test_every_permission_denial_gets_403(org: Organization) -> None:
    reached, other, tested = org.mcp(), org.mcp(), org.mcp(environment="test")
    key = org.key(permissions={"mcps": [reached], "tools": {reached: {"allow": ["get_*"]}}})
    wide = org.key(permissions={"mcps": "*"})
    elsewhere = org.key(allowed_ips=["10.0.0.0/8"])
    cases: list[tuple[Key, dict[str, str], str]] = [
        (key, {"mcp_id": reached}, "valid"),
        (key, {"mcp_id": reached, "tool": "get_file"}, "valid"),
        (key, {"mcp_id": reached, "tool": "put_file"}, "tool_not_permitted"),
        (key, {"mcp_id": other}, "mcp_not_permitted"),
        (wide, {"mcp_id": tested}, "environment_mismatch"),
        (elsewhere, {"organization_id": org.id}, "ip_not_permitted"),
        (elsewhere, {"mcp_id": reached}, "ip_not_permitted"),
    ]
    for caller, params, code in cases:
        answer = caller.client.get("/v1/auth/check", params)
        assert (answer.status, "valid" if answer.status == 200 else answer.code) == (
            200 if code == "valid" else 403,
            code,
        )
        assert "www-authenticate" not in answer.headers


def test_an_unknown_mcp_and_another_organizations_mcp_get_the_same_403(api: Api, org: Organization) -> None:
    key = org.key(permissions={"mcps": "*"})
    absent = key.client.get("/v1/auth/check", {"mcp_id": "mcp_" + "0" * 26})
    foreign = key.client.get("/v1/auth/check", {"mcp_id": api.organization().mcp()})
    assert (absent.status, absent.code) == (403, "mcp_not_permitted")
    assert absent.without_request_id == foreign.without_request_id


def test_an_mcp_that_does_not_exist_is_logged_once(api: Api, org: Organization) -> None:
    """The operator of the gateway would otherwise see only that keys are not permitted."""
    key, missing, elsewhere = org.key(permissions={"mcps": "*"}), new_id("mcp"), api.organization().mcp()
    start = api.server.log.stat().st_size
    for mcp_id in (missing, elsewhere, missing):
        assert key.client.get("/v1/auth/check", {"mcp_id": mcp_id}).code == "mcp_not_permitted"
    with api.server.log.open() as log:
        log.seek(start)
        lines = [line for line in log if "gateway_names_unknown_mcp" in line]
    assert len(lines) == 1
    assert missing in lines[0]


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_a_check_has_the_method_of_the_request_that_a_gateway_checks(org: Organization, method: str) -> None:
    """Envoy sends the method of the original request. The decision is the same, and is recorded."""
    key, revoked = org.key(), org.key()
    org.client.delete(revoked.path)
    answer = key.client.request(method, key.check_path, headers={"Content-Length": "0"})
    assert (answer.status, answer.headers["x-key-id"]) == (200, key.id)
    assert revoked.client.request(method, revoked.check_path).status == 401
    assert [use["action"] for use in org.activity(key, type="api_key.used")] == ["check"]


def test_the_body_of_the_request_that_a_gateway_checks_is_ignored(org: Organization) -> None:
    key = org.key()
    assert key.client.request("POST", key.check_path, content=b'{"not": "json').status == 200


def test_a_check_needs_no_grant(org: Organization) -> None:
    key = org.seeded_key(permissions=Permissions())
    assert key.client.get(key.check_path).status == 200


@pytest.mark.parametrize("params", [{}, {"organization_id": ""}, {"organization_id": "acme"}, {"mcp_id": ""}])
def test_a_check_without_an_mcp_or_organization_is_refused(org: Organization, params: dict[str, str]) -> None:
    refused = org.key().client.get("/v1/auth/check", params)
    assert (refused.status, refused.code) == (422, "validation_error")
    assert set(refused.details) <= {"mcp_id", "organization_id"}
    assert not HEADERS & set(refused.headers)


def test_a_key_of_another_organization_is_unknown(api: Api, org: Organization) -> None:
    foreign = api.organization()
    refused = foreign.key().client.get("/v1/auth/check", {"organization_id": org.id})
    unknown = api.client(unknown_secret()).get("/v1/auth/check", {"organization_id": org.id})
    assert (refused.status, refused.code) == (401, "unauthorized")
    assert refused.without_request_id == unknown.without_request_id
    absent = foreign.manager.client.get("/v1/auth/check", {"organization_id": "org_" + "0" * 26})
    assert (absent.status, absent.code) == (401, "unauthorized")


def test_a_revoked_key_of_another_organization_is_unknown(api: Api, org: Organization) -> None:
    foreign = api.organization()
    key = foreign.key()
    foreign.client.delete(key.path)
    assert key.client.get("/v1/auth/check", {"organization_id": org.id}).code == "unauthorized"


def test_a_key_must_match_both_the_organization_and_the_mcp(api: Api, org: Organization) -> None:
    foreign = api.organization()
    ours, theirs = org.mcp(), foreign.mcp()
    requests = {
        ("ours", "ours"): {"organization_id": org.id, "mcp_id": ours},
        ("ours", "theirs"): {"organization_id": org.id, "mcp_id": theirs},
        ("theirs", "ours"): {"organization_id": foreign.id, "mcp_id": ours},
    }
    statuses = {
        owners: [key.client.get("/v1/auth/check", params).status for key in (org.manager, foreign.manager)]
        for owners, params in requests.items()
    }
    assert statuses == {("ours", "ours"): [200, 401], ("ours", "theirs"): [403, 401], ("theirs", "ours"): [401, 403]}


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"mcp_id": "files"}, "mcp_id"),
        ({"mcp_id": ""}, "mcp_id"),
        ({"tool": "add"}, "tool"),
        ({"mcp_id": "mcp_" + "0" * 26, "tool": ""}, "tool"),
        ({"mcp_id": "mcp_" + "0" * 26, "tool": "x" * 201}, "tool"),
        ({"mcp_id": "mcp_" + "0" * 26, "tool": "\0"}, "tool"),
        ({"key": "x"}, "key"),
    ],
)
def test_an_invalid_parameter_is_named(org: Organization, params: dict[str, str], field: str) -> None:
    refused = org.client.get("/v1/auth/check", params)
    assert (refused.status, refused.code) == (422, "validation_error")
    assert set(refused.details) == {field}


def test_a_check_is_recorded_with_its_mcp_and_tool(org: Organization) -> None:
    mcp_id = org.mcp()
    key = org.key(permissions={"mcps": "*"})
    key.client.get("/v1/auth/check", {"mcp_id": mcp_id, "tool": "add"}, user_agent="proxy/1")
    newest = org.activity(key)[0]
    assert (newest["action"], newest["status"], newest["mcp_id"], newest["tool"]) == ("check", "success", mcp_id, "add")
    assert (newest["ip"], newest["user_agent"]) == ("127.0.0.1", "proxy/1")
