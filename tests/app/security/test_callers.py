"""Who is calling: the key in the request, in all the ways it can be sent, and be wrong."""

import pytest

from domain.grants import GRANTS
from domain.keys.permissions import Permissions
from tests.app.organizations import Api, Organization, unknown_secret


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "Bearer   "])
def test_a_key_is_taken_as_a_bearer_token(api: Api, org: Organization, scheme: str) -> None:
    assert api.client(Authorization=scheme + org.manager.secret).get("/v1/api-keys").status == 200


def test_a_key_is_taken_from_a_header_of_its_own(api: Api, org: Organization) -> None:
    caller = api.client(X_API_Key=org.manager.secret)
    assert caller.get("/v1/api-keys").status == 200
    assert caller.get("/v1/auth/check").status == 200
    assert caller.post("/v1/api-keys/verify", {"key": org.manager.secret}).data["valid"] is True


def test_the_bearer_token_counts_where_both_are_sent(api: Api, org: Organization) -> None:
    good, bad = org.manager.secret, unknown_secret()
    assert api.client(good, X_API_Key=bad).get("/v1/api-keys").status == 200
    assert api.client(bad, X_API_Key=good).get("/v1/api-keys").status == 401


def test_another_scheme_leaves_the_header_of_its_own(api: Api, org: Organization) -> None:
    caller = api.client(Authorization="Basic dXNlcjpwYXNz", X_API_Key=org.manager.secret)
    assert caller.get("/v1/api-keys").status == 200


@pytest.mark.parametrize("path", ["/v1/api-keys", "/v1/auth/check", "/v1/mcps"])
@pytest.mark.parametrize("credential", ["", "Bearer", "Basic dXNlcjpwYXNz", "pk_live_"])
def test_without_a_key_the_challenge_says_no_more(api: Api, path: str, credential: str) -> None:
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
        "not even close": "hello",
        "very long": "pk_live_" + "A" * 10_000,
        "two": f"{secret} {secret}",
    }


@pytest.mark.parametrize("kind", _malformed())
@pytest.mark.parametrize("path", ["/v1/api-keys", "/v1/auth/check"])
def test_a_key_that_is_nobodys_is_an_invalid_token(api: Api, path: str, kind: str) -> None:
    refused = api.client(_malformed()[kind]).get(path)
    assert (refused.status, refused.code) == (401, "unauthorized")
    assert refused.headers["www-authenticate"] == 'Bearer realm="keyledger", error="invalid_token"'


def test_what_is_wrong_with_a_key_does_not_show(api: Api) -> None:
    """A guess with the right checksum is answered like any other, to the letter."""
    assert len({api.client(secret).get("/v1/api-keys").without_request_id for secret in _malformed().values()}) == 1


@pytest.mark.parametrize("path", ["/v1/api-keys", "/v1/auth/check"])
@pytest.mark.parametrize("code", ["revoked_key", "disabled_key", "expired_key"])
def test_a_key_that_was_somebodys_says_what_became_of_it(org: Organization, path: str, code: str) -> None:
    key = org.expired_key() if code == "expired_key" else org.key()
    if code != "expired_key":
        org.client.post(f"{key.path}/{'revoke' if code == 'revoked_key' else 'disable'}")
    refused = key.client.get(path)
    assert (refused.status, refused.code) == (401, code)
    assert refused.headers["www-authenticate"] == 'Bearer realm="keyledger", error="invalid_token"'


def test_a_key_bound_to_other_addresses_manages_nothing(org: Organization) -> None:
    elsewhere = org.seeded_key(permissions=Permissions(mcps="*", manage=GRANTS), allowed_ips=("10.0.0.0/8",))
    refused = elsewhere.client.get("/v1/api-keys")
    assert (refused.status, refused.code) == (403, "ip_not_permitted")


def test_every_use_of_a_key_to_manage_is_in_its_activity(org: Organization) -> None:
    answer = org.client.get("/v1/api-keys", x_request_id="look-me-up")
    assert answer.status == 200
    newest = org.activity(org.manager, per_page=2)[1]
    assert (newest["action"], newest["status"], newest["ip"]) == ("manage", "success", "127.0.0.1")
