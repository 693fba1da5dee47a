"""Secrets of imported keys in requests, and the limit on unknown ones."""

import pytest

from app.verification.unknown_secrets import PER_ADDRESS
from tests.app.api.api_keys.imports import foreign, imported
from tests.app.client import Response
from tests.app.conftest import StartApi
from tests.app.organizations import Api, Organization, unknown_secret
from tests.app.server.raw_connection import connected, request
from tests.waiting import eventually

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwcm94eSJ9.c2lnbmF0dXJl"
DIFFERENT = "The request contains different API keys. Send one, in Authorization or in X-API-Key."


def check(api: Api, org: Organization, *headers: tuple[str, str]) -> Response:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return api.client().request("GET", "/v1/auth/check", params={"organization_id": org.id}, raw_headers=raw)


def refused_for_now(api: Api, org: Organization, *headers: tuple[str, str]) -> Response:
    """Use up the allowance of an address, and return the first refusal without a lookup."""
    while (refused := check(api, org, ("X-API-Key", foreign()), *headers)).status == 401:
        pass
    return refused


def test_a_key_of_this_service_wins_over_foreign_secrets(api: Api, org: Organization) -> None:
    _, secret = imported(org)
    key = org.key()
    for headers in (
        [("X-API-Key", secret), ("Authorization", f"Bearer {key.secret}")],
        [("X-API-Key", key.secret), ("Authorization", f"Bearer {secret}")],
        [("X-API-Key", f"{secret}, {key.secret}")],
    ):
        assert check(api, org, *headers).headers["x-key-id"] == key.id


def test_x_api_key_counts_before_a_credential_of_a_proxy_in_authorization(api: Api, org: Organization) -> None:
    key_id, secret = imported(org)
    for other in (JWT, secret):
        accepted = check(api, org, ("X-API-Key", secret), ("Authorization", f"Bearer {other}"))
        assert accepted.headers["x-key-id"] == key_id


def test_the_secrets_of_two_imported_keys_in_the_two_headers_are_refused(api: Api, org: Organization) -> None:
    """Like two keys of this service, and regardless of their state and organization."""
    (_, first), (ended_id, ended), (_, elsewhere) = imported(org), imported(org), imported(api.organization())
    org.client.delete(f"/v1/api-keys/{ended_id}")
    for own, token in ((first, ended), (ended, first), (first, elsewhere)):
        refused = check(api, org, ("X-API-Key", own), ("Authorization", f"Bearer {token}"))
        assert (refused.status, refused.code, refused.error["message"]) == (401, "unauthorized", DIFFERENT)
    raw = [(b"X-API-Key", first.encode()), (b"Authorization", f"Bearer {ended}".encode())]
    verifying = api.client().request("POST", "/v1/api-keys/verify", {"key": first}, raw_headers=raw)
    assert (verifying.status, verifying.error["message"]) == (401, DIFFERENT)


def test_the_secrets_of_two_imported_keys_use_up_no_allowance(limited: Api) -> None:
    org = limited.organization()
    (_, first), (_, second) = imported(org), imported(org)
    client = ("X-Forwarded-For", "203.0.113.31")
    for _ in range(PER_ADDRESS.burst + 20):
        refused = check(limited, org, ("X-API-Key", first), ("Authorization", f"Bearer {second}"), client)
        assert refused.status == 401


def test_authorization_counts_if_x_api_key_cannot_be_a_secret(api: Api, org: Organization) -> None:
    key_id, secret = imported(org)
    for other in ("", "short", "no secret"):
        accepted = check(api, org, ("X-API-Key", other), ("Authorization", f"Bearer {secret}"))
        assert accepted.headers["x-key-id"] == key_id


def test_different_foreign_secrets_in_one_header_are_refused(api: Api, org: Organization) -> None:
    (_, first), (_, second) = imported(org), imported(org)
    for headers in (
        [("X-API-Key", first), ("X-API-Key", second)],
        [("X-API-Key", f"{first},{second}")],
        [("Authorization", f"Bearer {first}, Bearer {second}")],
    ):
        refused = check(api, org, *headers)
        assert (refused.status, refused.code, refused.error["message"]) == (401, "unauthorized", DIFFERENT)
    assert check(api, org, ("X-API-Key", f"{first}, {first}")).status == 200


def test_an_unknown_foreign_secret_is_refused_and_recorded(api: Api, org: Organization) -> None:
    query = "select count(*) from usage_events where code = 'unauthorized' and key_id is null"
    ((before,),) = api.database.rows(query)
    refused = check(api, org, ("X-API-Key", foreign()))
    assert (refused.status, refused.code) == (401, "unauthorized")
    assert org.verify(foreign())["code"] == "unauthorized"
    ((after,),) = api.database.rows(query)
    assert after >= before + 2


def test_a_mistyped_key_of_this_service_is_not_looked_up(api: Api, org: Organization) -> None:
    """A lookup is visible in the log, as the unknown key without a typing error shows."""

    def looked_up() -> int:
        query = "select count(*) from usage_events where caller_key_id = %s"
        ((number,),) = api.database.rows(query, org.manager.id)
        return int(number)

    before, secret = looked_up(), unknown_secret()
    assert org.verify(secret[:-1] + ("0" if secret[-1] != "0" else "1"))["code"] == "unauthorized"
    assert looked_up() == before
    assert org.verify(secret)["code"] == "unauthorized"
    assert looked_up() == before + 1


def test_a_foreign_secret_of_another_organization_is_unknown(api: Api, org: Organization) -> None:
    _, secret = imported(api.organization())
    verdict = org.verify(secret)
    assert set(verdict) == {"valid", "code", "event_id"}
    assert verdict["code"] == "unauthorized"
    assert check(api, org, ("X-API-Key", secret)).status == 401


@pytest.fixture(scope="module")
def limited(start_api: StartApi) -> Api:
    """A server on which the tests use up allowances. It trusts the client address that the tests send."""
    return start_api(KEYLEDGER_TRUSTED_PROXIES="127.0.0.0/8")


def test_too_many_unknown_secrets_from_an_address_get_429_and_no_lookup(limited: Api) -> None:
    org = limited.organization()
    (key_id, secret), native = imported(org), org.key()
    client = ("X-Forwarded-For", "203.0.113.9")
    answers = [check(limited, org, ("X-API-Key", foreign()), client) for _ in range(PER_ADDRESS.burst)]
    assert {answer.status for answer in answers} == {401}
    refused = refused_for_now(limited, org, client)
    assert (refused.status, refused.code) == (429, "rate_limited")
    assert refused.headers["retry-after"] == "1"
    assert "x-ratelimit-limit" not in refused.headers
    assert check(limited, org, ("X-API-Key", native.secret), client).headers["x-key-id"] == native.id
    assert check(limited, org, ("X-API-Key", native.secret[:-1]), ("X-Forwarded-For", "203.0.113.10")).status == 401
    elsewhere = check(limited, org, ("X-API-Key", secret), ("X-Forwarded-For", "203.0.113.10"))
    assert elsewhere.headers["x-key-id"] == key_id


def test_unknown_secrets_count_although_their_client_does_not_wait_for_the_response(limited: Api) -> None:
    org = limited.organization()
    client = ("X-Forwarded-For", "203.0.113.12")
    address = f"/v1/auth/check?organization_id={org.id}"

    def left_over() -> int:
        for _ in range(PER_ADDRESS.burst):
            lines = [f"X-API-Key: {foreign()}", f"{client[0]}: {client[1]}"]
            with connected(limited) as connection:
                connection.send(request("GET", address, *lines))
        return check(limited, org, ("X-API-Key", foreign()), client).status

    eventually(lambda: left_over() == 429)


def test_a_secret_that_was_found_is_accepted_although_its_address_has_no_allowance(limited: Api) -> None:
    """The lookup alone decides: the same secret is refused as soon as its key is revoked."""
    org = limited.organization()
    key_id, secret = imported(org)
    client = ("X-Forwarded-For", "203.0.113.11")
    assert check(limited, org, ("X-API-Key", secret), client).status == 200
    refused_for_now(limited, org, client)
    assert check(limited, org, ("X-API-Key", secret), client).headers["x-key-id"] == key_id
    org.client.delete(f"/v1/api-keys/{key_id}")
    refused_for_now(limited, org, client)
    assert check(limited, org, ("X-API-Key", secret), client).code == "revoked_key"


def test_too_many_unknown_secrets_in_verifications_of_a_client_are_rate_limited(limited: Api) -> None:
    org, other = limited.organization(), limited.organization()
    (_, secret), native = imported(org), org.key()
    codes = {org.verify(foreign(), ip="203.0.113.20")["code"] for _ in range(PER_ADDRESS.burst)}
    assert codes == {"unauthorized"}
    while (verdict := org.verify(foreign(), ip="203.0.113.20"))["code"] == "unauthorized":
        pass
    assert verdict == {"valid": False, "code": "rate_limited"}
    assert org.verify(native.secret, ip="203.0.113.20")["valid"]
    assert org.verify(secret, ip="203.0.113.21")["valid"]
    assert org.verify(secret)["valid"]
    assert other.verify(foreign(), ip="203.0.113.20")["code"] == "unauthorized"


def test_secrets_of_imported_keys_use_up_no_allowance(limited: Api) -> None:
    org = limited.organization()
    _, secret = imported(org)
    client = ("X-Forwarded-For", "203.0.113.30")
    for _ in range(PER_ADDRESS.burst + 20):
        assert check(limited, org, ("X-API-Key", secret), client).status == 200
