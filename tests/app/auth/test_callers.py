"""Authentication of callers: the ways to send a key, and requests without a valid key."""

import pytest

from domain.grants import GRANTS
from domain.keys.permissions import Permissions
from tests.app.client import Client, Response
from tests.app.organizations import Api, Organization, unknown_secret
from tests.app.people import person


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "Bearer   "])
def test_a_key_is_accepted_as_a_bearer_token(api: Api, org: Organization, scheme: str) -> None:
    assert api.client(Authorization=scheme + org.manager.secret).get("/v1/api-keys").status == 200


def test_a_key_is_accepted_in_x_api_key(api: Api, org: Organization) -> None:
    caller = api.client(X_API_Key=org.manager.secret)
    assert caller.get("/v1/api-keys").status == 200
    assert caller.get(org.manager.check_path).status == 200
    assert caller.post("/v1/api-keys/verify", {"key": org.manager.secret}).data["valid"] is True


JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwcm94eSJ9.c2lnbmF0dXJl"
FOREIGN = [
    f"Bearer {JWT}",
    f"bearer {JWT}",
    "Bearer",
    "Bearer pk_dead_0000",
    "Bearer sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    f"Bearer {JWT}, Basic dXNlcjpwYXNz",
    "Basic dXNlcjpwYXNz",
    'Digest username="x", realm="y", nonce="z", response="w"',
    "AWS4-HMAC-SHA256 Credential=x/y/z, SignedHeaders=host, Signature=w",
    "Negotiate YII=",
    "",
    ",",
]
"""Values of Authorization that proxies, gateways and browsers send for their own purposes."""
PATHS = ["/v1/api-keys", "/v1/auth/check", "/v1/api-keys/verify", "/v1/mcp/invoke", "/v1/mcp/resources"]


def call(caller: Client, path: str, mcp_id: str, headers: list[tuple[bytes, bytes]] | None = None) -> Response:
    """Send a request that a valid key permits to one of `PATHS`."""
    bodies: dict[str, dict[str, str]] = {
        "/v1/api-keys/verify": {"key": unknown_secret()},
        "/v1/mcp/invoke": {"mcp_id": mcp_id, "tool": "add"},
        "/v1/mcp/resources": {"mcp_id": mcp_id, "uri": "file:///a"},
    }
    body, params = bodies.get(path), {"mcp_id": mcp_id} if path == "/v1/auth/check" else None
    return caller.request("POST" if body else "GET", path, body, params=params, raw_headers=headers or [])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("authorization", FOREIGN)
def test_another_credential_in_authorization_does_not_hide_a_key(
    api: Api, org: Organization, path: str, authorization: str
) -> None:
    caller = api.client(Authorization=authorization, X_API_Key=org.manager.secret)
    assert call(caller, path, org.mcp()).status in {200, 502}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("foreign", ["not a key", JWT, ",", ""])
def test_another_value_in_x_api_key_does_not_hide_a_key(api: Api, org: Organization, path: str, foreign: str) -> None:
    assert call(api.client(org.manager.secret, X_API_Key=foreign), path, org.mcp()).status in {200, 502}


@pytest.mark.parametrize("path", PATHS)
def test_a_key_is_found_in_repeated_headers_and_lists(api: Api, org: Organization, path: str) -> None:
    key, mcp_id = org.manager.secret.encode(), org.mcp()
    for headers in (
        [(b"Authorization", b"Bearer " + JWT.encode()), (b"Authorization", b"Bearer " + key)],
        [(b"Authorization", b"bEARER   " + key), (b"Authorization", b"Basic dXNlcjpwYXNz")],
        [(b"Authorization", b"Bearer " + key), (b"Authorization", b"Bearer " + key), (b"X-API-Key", key)],
        [(b"Authorization", b"Bearer " + JWT.encode() + b", Bearer " + key)],
        [(b"X-API-Key", b"other"), (b"X-API-Key", key)],
        [(b"X-API-Key", key + b"," + key), (b"Authorization", b"Bearer")],
    ):
        assert call(api.client(), path, mcp_id, headers).status in {200, 502}, headers


@pytest.mark.parametrize("path", PATHS)
def test_two_different_keys_are_refused_with_an_explanation(api: Api, org: Organization, path: str) -> None:
    mine, other, mcp_id = org.manager.secret, org.key().secret, org.mcp()
    for headers in (
        [(b"Authorization", f"Bearer {mine}"), (b"X-API-Key", other)],
        [(b"Authorization", f"Bearer {other}"), (b"X-API-Key", mine)],
        [(b"Authorization", f"Bearer {mine}"), (b"X-API-Key", unknown_secret())],
        [(b"Authorization", f"Bearer {mine}"), (b"Authorization", f"Bearer {other}")],
        [(b"Authorization", f"Bearer {mine}, Bearer {other}")],
        [(b"X-API-Key", f"{mine}, {other}")],
        [(b"X-API-Key", mine), (b"X-API-Key", other)],
    ):
        refused = call(api.client(), path, mcp_id, [(name, value.encode()) for name, value in headers])
        assert (refused.status, refused.code) == (401, "unauthorized")
        assert refused.error["message"] == (
            "The request contains different API keys. Send one, in Authorization or in X-API-Key."
        )
        assert 'error="invalid_token"' in refused.headers["www-authenticate"]


@pytest.mark.parametrize("authorization", FOREIGN)
def test_another_credential_does_not_hide_a_session(api: Api, org: Organization, authorization: str) -> None:
    member = person(api, org.id)
    caller = api.client(Cookie=f"keyledger_session={member.secret}", Authorization=authorization)
    refused = authorization.startswith("Bearer pk_")
    assert caller.get("/v1/session").status == (401 if refused else 200)
    assert caller.get("/account").status == (303 if refused else 200)


def test_a_key_in_x_api_key_is_accepted_next_to_another_scheme(api: Api, org: Organization) -> None:
    caller = api.client(Authorization="Basic dXNlcjpwYXNz", X_API_Key=org.manager.secret)
    assert caller.get("/v1/api-keys").status == 200


@pytest.mark.parametrize("path", ["/v1/api-keys", "/v1/auth/check", "/v1/mcps"])
@pytest.mark.parametrize("credential", ["", "Bearer", "Basic dXNlcjpwYXNz", "pk_live_"])
def test_the_challenge_for_a_request_without_a_key_has_no_error(api: Api, path: str, credential: str) -> None:
    refused = api.client(Authorization=credential).get(path)
    assert (refused.status, refused.code) == (401, "unauthorized")
    assert refused.headers["www-authenticate"] == 'Bearer realm="keyledger"'


def _malformed() -> dict[str, str]:
    secret = unknown_secret()
    return {
        "unknown": secret,
        "wrong checksum": secret[:-1] + ("0" if secret[-1] != "0" else "1"),
        "one letter in another case": secret[:10] + secret[10:].swapcase(),
        "too short": secret[:-1],
        "too long": secret + "0",
        "another prefix": "pk_dead_" + secret[8:],
        "not a key": "hello",
        "very long": "pk_live_" + "A" * 10_000,
        "two": f"{secret} {secret}",
    }


@pytest.mark.parametrize("kind", _malformed())
@pytest.mark.parametrize("path", ["/v1/api-keys", "/v1/auth/check"])
def test_an_unknown_or_malformed_key_is_an_invalid_token(api: Api, path: str, kind: str) -> None:
    refused = api.client(_malformed()[kind]).get(path)
    assert (refused.status, refused.code) == (401, "unauthorized")
    assert refused.headers["www-authenticate"] == 'Bearer realm="keyledger", error="invalid_token"'


def test_all_unknown_and_malformed_keys_get_the_same_response(api: Api) -> None:
    """A guessed key with a correct checksum gets the same response as any other, byte for byte."""
    assert len({api.client(secret).get("/v1/api-keys").without_request_id for secret in _malformed().values()}) == 1


@pytest.mark.parametrize("path", ["/v1/api-keys", "/v1/auth/check"])
@pytest.mark.parametrize("code", ["revoked_key", "disabled_key", "expired_key"])
def test_a_revoked_disabled_or_expired_key_is_refused_with_its_own_code(
    org: Organization, path: str, code: str
) -> None:
    key = org.expired_key() if code == "expired_key" else org.key()
    if code != "expired_key":
        org.client.post(f"{key.path}/{'revoke' if code == 'revoked_key' else 'disable'}")
    refused = key.client.get(path)
    assert (refused.status, refused.code) == (401, code)
    assert refused.headers["www-authenticate"] == 'Bearer realm="keyledger", error="invalid_token"'


def test_a_key_that_is_not_allowed_from_this_address_is_refused(org: Organization) -> None:
    elsewhere = org.seeded_key(permissions=Permissions(mcps="*", manage=GRANTS), allowed_ips=("10.0.0.0/8",))
    refused = elsewhere.client.get("/v1/api-keys")
    assert (refused.status, refused.code) == (403, "ip_not_permitted")


def test_a_management_request_is_in_the_activity_of_its_key(org: Organization) -> None:
    answer = org.client.get("/v1/api-keys", x_request_id="look-me-up")
    assert answer.status == 200
    newest = org.activity(org.manager, per_page=2)[1]
    assert (newest["action"], newest["status"], newest["ip"]) == ("manage", "success", "127.0.0.1")
