"""GET /v1/api-keys/{id}/activity"""

import re

import pytest

from app.api.api_keys.activity import ANY_CHANGE, EVENT_TYPES
from tests.app.api.api_keys.shapes import INSTANT
from tests.app.conftest import StartApi
from tests.app.organizations import Api, Organization
from tests.geo_database import AMERICAN, AMERICAN_V6, NOWHERE, SWISS, geo_database

CHANGE = {"id", "timestamp", "event", "actor", "status", "ip", "user_agent", "revision"}
USE = CHANGE | {"action", "secret_version"}


def test_activity_lists_every_change_and_use_newest_first(org: Organization) -> None:
    key = org.key()
    org.verify(key.secret)
    key.client.get(key.check_path)
    org.client.post(f"{key.path}/disable")
    org.verify(key.secret)
    org.client.post(f"{key.path}/enable")
    org.client.patch(key.path, {"name": "Renamed", "expires_at": "2100-01-01T00:00:00Z"})
    org.client.post(f"{key.path}/rotate", {"overlap_seconds": 0})
    org.client.delete(key.path)
    entries = org.activity(key)
    assert [entry["event"] for entry in reversed(entries)] == [
        "api_key.created",
        "api_key.used",
        "api_key.used",
        "api_key.disabled",
        "api_key.used",
        "api_key.enabled",
        "api_key.details_changed",
        "api_key.expiration_changed",
        "api_key.rotated",
        "api_key.secret_retired",
        "api_key.revoked",
    ]
    assert [entry["timestamp"] for entry in entries] == sorted((e["timestamp"] for e in entries), reverse=True)


def test_a_change_has_an_actor_and_an_origin(org: Organization) -> None:
    (entry,) = org.activity(org.key())
    assert set(entry) == CHANGE
    assert re.fullmatch(INSTANT, entry["timestamp"])
    assert re.fullmatch(r"evt_[0-9a-z]{26}", entry["id"])
    assert entry["actor"] == {"type": "api_key", "id": org.manager.id, "name": "Manager"}
    assert (entry["event"], entry["status"], entry["revision"]) == ("api_key.created", "success", 1)
    assert (entry["ip"], entry["user_agent"].partition("/")[0]) == ("127.0.0.1", "python-httpx2")


def test_entries_have_a_country_with_a_geo_database(start_api: StartApi) -> None:
    org = start_api(KEYLEDGER_GEO_DATABASE=str(geo_database())).organization()
    key = org.key()
    for ip in (AMERICAN, AMERICAN_V6, SWISS, NOWHERE):
        org.verify(key.secret, ip=ip)
    countries = {entry["ip"]: entry.get("country") for entry in org.activity(key)}
    assert countries == {
        AMERICAN: "US",
        AMERICAN_V6: "US",
        SWISS: "CH",
        NOWHERE: None,
        "127.0.0.1": None,
    }
    recent = org.client.get(key.path).data["recent_activity"]
    assert [entry["country"] for entry in recent if "country" in entry] == ["CH", "US", "US"]


def test_a_revocation_has_a_reason(org: Organization) -> None:
    key = org.key()
    org.client.delete(key.path, {"reason": "compromised", "note": "Found in a log."})
    revoked, created = org.activity(key)
    assert set(revoked) == CHANGE | {"reason"}
    assert (revoked["event"], revoked["status"], revoked["reason"]) == ("api_key.revoked", "success", "compromised")
    assert "reason" not in created
    assert org.detail(key)["recent_activity"][0] == revoked


def test_a_use_has_its_purpose_and_outcome(org: Organization) -> None:
    mcp_id = org.mcp()
    key = org.key()
    org.verify(key.secret, mcp_id=mcp_id, tool="add", ip="192.0.2.1", user_agent="agent/1")
    entry = org.activity(key)[0]
    assert set(entry) == USE | {"mcp_id", "mcp_name", "tool", "reason"}
    assert (entry["action"], entry["status"], entry["reason"]) == ("verify", "denied", "mcp_not_permitted")
    assert (entry["mcp_id"], entry["mcp_name"], entry["tool"]) == (mcp_id, "Files", "add")
    assert entry["secret_version"] == 1
    assert (entry["ip"], entry["user_agent"], entry["revision"]) == ("192.0.2.1", "agent/1", 1)
    assert entry["actor"] == {"type": "api_key", "id": org.manager.id, "name": "Manager"}


def test_the_actor_of_a_use_is_the_key_unless_another_caller_verified_it(org: Organization) -> None:
    key = org.key()
    key.client.get(key.check_path)
    assert org.activity(key)[0]["actor"] == {"type": "api_key", "id": key.id, "name": "Deploy"}


def test_activity_can_be_filtered_by_type(org: Organization) -> None:
    key = org.key()
    org.verify(key.secret)
    org.client.post(f"{key.path}/disable")
    assert [e["event"] for e in org.activity(key, type="api_key.used")] == ["api_key.used"]
    assert [e["event"] for e in org.activity(key, type="api_key.disabled")] == ["api_key.disabled"]
    assert [e["event"] for e in org.activity(key, type="change")] == ["api_key.disabled", "api_key.created"]


def test_a_tail_of_changes_returns_no_uses(org: Organization) -> None:
    key = org.key()
    path, params = f"{key.path}/activity", {"type": "change"}
    after = org.client.get(path, params).json["pagination"]["next_after"]
    org.verify(key.secret)
    org.client.post(f"{key.path}/disable")
    found = org.client.get(path, {**params, "after": after})
    assert [e["event"] for e in found.data] == ["api_key.disabled"]


def test_an_unknown_type_is_refused_with_the_known_types(org: Organization) -> None:
    refused = org.client.get(f"{org.manager.path}/activity", {"type": "zz"})
    assert (refused.status, refused.code) == (422, "validation_error")
    assert refused.details == {"type": f"Must be one of {', '.join([*EVENT_TYPES, ANY_CHANGE])}"}
    assert {"api_key.used", "api_key.rotated"} < set(EVENT_TYPES)


def test_from_is_inclusive_and_to_exclusive(org: Organization) -> None:
    key = org.key()
    org.verify(key.secret)
    org.verify(key.secret)
    newest, middle, oldest = org.activity(key)
    since, until = {"from": middle["timestamp"]}, {"to": middle["timestamp"]}
    assert org.activity(key, **since) == [newest, middle]
    assert org.activity(key, **until) == [oldest]
    assert org.activity(key, **since, to=newest["timestamp"]) == [middle]
    assert org.activity(key, **{"from": "0001-01-01T00:00:00+23:59"}, to="9999-12-31T23:59:59-23:59") == [
        newest,
        middle,
        oldest,
    ]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-01-01"}, "from"),
        ({"to": "2026-01-01T00:00:00"}, "to"),
        ({"type": "\0"}, "type"),
        ({"page": "2"}, "page"),
        ({"since": "x"}, "since"),
    ],
)
def test_an_invalid_parameter_is_named(org: Organization, params: dict[str, str], field: str) -> None:
    refused = org.client.get(f"{org.manager.path}/activity", params)
    assert (refused.status, refused.code) == (422, "validation_error")
    assert set(refused.details) == {field}


def test_the_activity_of_another_organizations_key_does_not_exist(api: Api, org: Organization) -> None:
    foreign = api.organization().key()
    refused = org.client.get(f"{foreign.path}/activity")
    assert (refused.status, refused.code) == (404, "not_found")


def test_activity_contains_no_secret(org: Organization) -> None:
    key = org.key()
    renewed = org.client.post(f"{key.path}/rotate").data["key"]
    org.verify(renewed)
    content = org.client.get(f"{key.path}/activity").content.decode()
    assert key.secret not in content
    assert renewed not in content
