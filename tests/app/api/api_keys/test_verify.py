"""POST /v1/api-keys/verify"""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from domain.keys.permissions import Permissions
from tests.app.api.api_keys.shapes import INSTANT
from tests.app.organizations import Api, Key, Organization, unknown_secret

CANONICAL = {
    "10.1.2.3:51234": "10.1.2.3",
    "11.0.0.1:51234": "11.0.0.1",
    " 10.1.2.3 ": "10.1.2.3",
    "::ffff:10.1.2.3": "10.1.2.3",
    "[::ffff:10.1.2.3]:443": "10.1.2.3",
    "2001:DB8::1": "2001:db8::1",
    "[2001:db8::1]": "2001:db8::1",
    "[2001:db8:0::1]:443": "2001:db8::1",
}
"""Addresses in requests that are recorded in another form."""


def test_an_accepted_key_is_described(org: Organization) -> None:
    key = org.key(name="Caller", expires_at="2100-01-01T00:00:00Z", permissions={"mcps": "*"})
    answer = org.verified(key.secret)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json) == {"success", "data"}
    event_id = answer.data["event_id"]
    assert re.fullmatch(r"evt_[0-9a-z]{26}", event_id)
    assert answer.data == {
        "valid": True,
        "code": "valid",
        "key_id": key.id,
        "organization_id": org.id,
        "name": "Caller",
        "environment": "live",
        "permissions": {"mcps": "*", "tools": {}, "manage": []},
        "expires_at": "2100-01-01T00:00:00Z",
        "revision": 1,
        "event_id": event_id,
        "remaining": 499_999,
    }


def test_a_use_is_in_the_log_before_the_response(api: Api, org: Organization) -> None:
    key = org.key()
    event_id = org.verify(key.secret)["event_id"]
    query = "select kind, action, code, key_id, caller_key_id, organization_id from usage_events where event_id = %s"
    assert api.database.rows(query, event_id) == [("used", "verify", "valid", key.id, org.manager.id, org.id)]


def test_a_denial_is_in_the_log(api: Api, org: Organization) -> None:
    key = org.key()
    org.client.delete(key.path)
    event_id = org.verify(key.secret)["event_id"]
    assert api.database.rows("select code, key_id from usage_events where event_id = %s", event_id) == [
        ("revoked_key", key.id)
    ]


def test_an_unknown_key_is_logged_for_the_callers_organization(api: Api, org: Organization) -> None:
    verdict = org.verify(unknown_secret())
    assert set(verdict) == {"valid", "code", "event_id"}
    query = "select code, key_id, organization_id from usage_events where event_id = %s"
    assert api.database.rows(query, verdict["event_id"]) == [("unauthorized", None, org.id)]


def test_a_use_has_the_revision_of_the_key_that_decided(api: Api, org: Organization) -> None:
    key = org.key()
    assert org.verify(key.secret)["revision"] == 1
    org.client.patch(key.path, {"name": "Renamed"})
    assert org.verify(key.secret)["revision"] == 2
    assert [use["revision"] for use in org.activity(key, type="api_key.used")] == [2, 1]


def test_a_malformed_key_is_not_looked_up_or_recorded(api: Api, org: Organization) -> None:
    before = api.database.rows("select count(*) from usage_events where caller_key_id = %s", org.manager.id)
    for text in ("", "hello", "x" * 15, "pk_live_" + "A" * 32, "\0", "x" * 256, "x" * 100_000):
        verdict = org.verify(text)
        assert (verdict["valid"], verdict["code"]) == (False, "unauthorized")
    assert api.database.rows("select count(*) from usage_events where caller_key_id = %s", org.manager.id) == before


def test_a_key_of_another_organization_is_unknown(api: Api, org: Organization) -> None:
    foreign = api.organization().key()
    verdict, unknown = org.verify(foreign.secret), org.verify(unknown_secret())
    assert verdict | {"event_id": ""} == unknown | {"event_id": ""}
    assert api.database.rows(
        "select key_id, organization_id from usage_events where event_id = %s", verdict["event_id"]
    ) == [(None, org.id)]


class _Verified(NamedTuple):
    before: datetime
    code: str
    after: datetime


def _verified_until(org: Organization, key: Key, ends: datetime) -> list[_Verified]:
    """Verify `key` repeatedly until after `ends`."""
    answers: list[_Verified] = []
    while not answers or answers[-1].before < ends:
        before = datetime.now(UTC)
        answers.append(_Verified(before, org.verify(key.secret)["code"], datetime.now(UTC)))
    return answers


def test_a_key_expires_at_its_instant(api: Api, org: Organization) -> None:
    answers: list[_Verified] = []
    seconds = 1.5
    # On a busy machine, the first response may arrive after the expiry. Retry with a longer lifetime.
    while not answers or answers[0].code != "valid":
        ends = datetime.now(UTC) + timedelta(seconds=seconds)
        key = org.seeded_key(expires_at=ends)
        answers = _verified_until(org, key, ends)
        for before, code, after in answers:
            assert code in {"valid", "expired_key"}
            assert code == "expired_key" or before < ends
            assert code == "valid" or after >= ends
        assert answers[-1].code == "expired_key"
        assert api.events_of(key.id) == ["api_key.created"], "the expiry needs no event"
        seconds *= 2


@pytest.mark.parametrize(
    ("allowed", "ip", "code"),
    [
        (["10.0.0.0/8"], "10.1.2.3", "valid"),
        (["10.0.0.0/8"], "11.0.0.1", "ip_not_permitted"),
        (["10.0.0.0/8"], None, "ip_not_permitted"),
        (["10.0.0.0/8"], "::ffff:10.1.2.3", "valid"),
        (["10.0.0.0/8"], "10.1.2.3:51234", "valid"),
        (["10.0.0.0/8"], "11.0.0.1:51234", "ip_not_permitted"),
        (["10.0.0.0/8"], " 10.1.2.3 ", "valid"),
        (["2001:db8::/32"], "2001:DB8::1", "valid"),
        (["2001:db8::/32"], "[2001:db8::1]", "valid"),
        (["2001:db8::/32"], "[2001:db8:0::1]:443", "valid"),
        (["10.0.0.0/8"], "[::ffff:10.1.2.3]:443", "valid"),
        (["2001:db8::/32"], "2001:db9::1", "ip_not_permitted"),
        (["2001:db8::/32", "192.0.2.7/32"], "192.0.2.7", "valid"),
        (["192.0.2.7"], "192.0.2.8", "ip_not_permitted"),
        ([], None, "valid"),
        ([], "11.0.0.1", "valid"),
    ],
)
def test_the_client_address_is_taken_from_the_request_body(
    org: Organization, allowed: list[str], ip: str | None, code: str
) -> None:
    key = org.key(allowed_ips=allowed)
    assert org.verify(key.secret, ip=ip)["code"] == code
    newest = org.activity(key)[0]
    assert newest["ip"] == CANONICAL.get(ip or "", ip)


@pytest.mark.parametrize(
    "ip",
    [
        "",
        " ",
        "unknown",
        "_hidden",
        "localhost",
        "unix:/run/api.sock",
        "203.0.113.7, 10.0.0.2",
        "203.0.113.7,",
        "203.0.113.007",
        "3405803783",
        "203.0.113.7/32",
        "203.0.113.7:65536",
        "203.0.113.7\n",
        "[203.0.113.7]",
        "fe80::1%eth0",
        "\0",
        "x" * 100_000,
    ],
)
def test_an_invalid_address_is_refused_and_not_recorded(org: Organization, ip: str) -> None:
    key = org.key()
    refused = org.client.post("/v1/api-keys/verify", {"key": key.secret, "ip": ip})
    assert (refused.status, refused.code) == (422, "validation_error")
    assert refused.details == {"ip": "Must be one IPv4 or IPv6 address, such as 203.0.113.7 or 2001:db8::7"}
    assert org.activity(key, type="api_key.used") == []


def test_the_user_agent_is_taken_from_the_request_body(org: Organization) -> None:
    key = org.key()
    org.verify(key.secret, user_agent="agent/1.0 " + "x" * 500)
    assert org.activity(key)[0]["user_agent"] == ("agent/1.0 " + "x" * 500)[:300]


def test_every_permission_denial_has_its_code(org: Organization) -> None:
    reached, other, tested = org.mcp(), org.mcp(), org.mcp(environment="test")
    key = org.key(permissions={"mcps": [reached], "tools": {reached: {"allow": ["get_*"], "deny": ["get_secret"]}}})
    wide = org.key(permissions={"mcps": "*"})
    deleted = org.mcp()
    org.client.delete(f"/v1/mcps/{deleted}")
    cases = [
        (key, {"mcp_id": reached}, "valid"),
        (key, {"mcp_id": reached, "tool": "get_file"}, "valid"),
        (key, {"mcp_id": reached, "tool": "get_secret"}, "tool_not_permitted"),
        (key, {"mcp_id": reached, "tool": "put_file"}, "tool_not_permitted"),
        (key, {"mcp_id": other}, "mcp_not_permitted"),
        (key, {"mcp_id": "mcp_" + "0" * 26}, "not_found"),
        (wide, {"mcp_id": other, "tool": "anything"}, "valid"),
        (wide, {"mcp_id": tested}, "environment_mismatch"),
        (wide, {"mcp_id": deleted}, "not_found"),
    ]
    assert [org.verify(k.secret, **query)["code"] for k, query, _ in cases] == [code for *_, code in cases]


def test_an_mcp_of_the_other_environment_is_reached_if_listed_by_id(org: Organization) -> None:
    tested = org.mcp(environment="test")
    key = org.seeded_key(permissions=Permissions(mcps=(tested,)), known_mcps={tested: "test"})
    assert org.verify(key.secret, mcp_id=tested)["valid"] is True


def test_a_test_key_reaches_only_test_mcps(org: Organization) -> None:
    live, tested = org.mcp(), org.mcp(environment="test")
    key = org.seeded_key(environment="test", permissions=Permissions(mcps="*"))
    assert org.verify(key.secret, mcp_id=tested)["valid"] is True
    assert org.verify(key.secret, mcp_id=live)["code"] == "environment_mismatch"


def test_an_mcp_of_another_organization_does_not_exist(api: Api, org: Organization) -> None:
    key = org.key(permissions={"mcps": "*"})
    assert org.verify(key.secret, mcp_id=api.organization().mcp())["code"] == "not_found"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "key"),
        ({"key": None}, "key"),
        ({"key": 5}, "key"),
        ({"key": "x", "mcp_id": "files"}, "mcp_id"),
        ({"key": "x", "mcp_id": "mcp_" + "u" * 26}, "mcp_id"),
        ({"key": "x", "mcp_id": ""}, "mcp_id"),
        ({"key": "x", "tool": "add"}, "tool"),
        ({"key": "x", "mcp_id": "mcp_" + "0" * 26, "tool": ""}, "tool"),
        ({"key": "x", "mcp_id": "mcp_" + "0" * 26, "tool": "x" * 201}, "tool"),
        ({"key": "x", "mcp_id": "mcp_" + "0" * 26, "tool": "a\nb"}, "tool"),
        ({"key": "x", "ip": "x" * 65}, "ip"),
        ({"key": "x", "user_agent": "x" * 1001}, "user_agent"),
        ({"key": "x", "scopes": []}, "scopes"),
    ],
)
def test_an_invalid_field_is_named(org: Organization, body: dict[str, object], field: str) -> None:
    refused = org.client.post("/v1/api-keys/verify", body)
    assert (refused.status, refused.code) == (422, "validation_error")
    assert set(refused.details) == {field}


def test_parameters_are_refused(org: Organization) -> None:
    refused = org.client.request("POST", "/v1/api-keys/verify", {"key": "x"}, params={"verbose": "1"})
    assert (refused.status, set(refused.details)) == (422, {"query"})


def test_the_request_id_is_recorded(api: Api, org: Organization) -> None:
    key = org.key()
    org.client.post("/v1/api-keys/verify", {"key": key.secret}, x_request_id="ask-me-1")
    bodies = api.database.rows("select body from usage_events where key_id = %s", key.id)
    assert b'"request_id":"ask-me-1"' in bytes(bodies[0][0])


def test_the_expiry_is_returned_in_utc(org: Organization) -> None:
    key = org.key(expires_at="2100-06-01T12:00:00+09:00")
    assert re.fullmatch(INSTANT, org.verify(key.secret)["expires_at"])
