"""GET /v1/api-keys/{id}/activity: filters, and the bound of a search."""

from datetime import timedelta
from typing import Any

import pytest

from domain.usage.events import CallCompleted
from infrastructure.clock import new_event_id, now
from tests.app.client import Response
from tests.app.organizations import Api, Key, Organization
from tests.app.people import person
from tests.app.recorded_uses import record, uses

BATCH = 1_000


def searched(org: Organization, key: Key, **params: object) -> Response:
    return org.client.get(f"{key.path}/activity", params)


def reasons(entries: list[Any]) -> list[str]:
    return [entry["reason"] for entry in entries]


@pytest.fixture
def key(org: Organization) -> Key:
    """A key with uses of every kind: accepted and refused, from two addresses, and calls with each outcome."""
    mcp_id = org.mcp()
    key = org.key(permissions={"mcps": [mcp_id]})
    at = now()
    successful, failed, open_call = uses(org, key, 3, at, action="call", mcp_id=mcp_id, tool="add", ip="10.0.0.1")
    ends = [
        CallCompleted(new_event_id(), at, successful.id, org.id, key.id, mcp_id, "add", "success", 5),
        CallCompleted(new_event_id(), at, failed.id, org.id, key.id, mcp_id, "add", "error", 5, error="mcp_timeout"),
    ]
    record(org, at, [successful, failed, open_call])
    record(org, at, ends)
    org.verify(key.secret, mcp_id=mcp_id, tool="get", ip="192.0.2.1")
    org.verify(key.secret, mcp_id=org.mcp(name="Wiki"), ip="2001:db8::1")
    return key


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"status": "denied"}, ["verify denied"]),
        ({"status": "started"}, ["call started"]),
        ({"status": "error"}, ["call error"]),
        ({"status": "success"}, ["verify success", "call success", "api_key.created success"]),
        ({"action": "call"}, ["call started", "call error", "call success"]),
        ({"reason": "mcp_not_permitted"}, ["verify denied"]),
        ({"reason": "mcp_timeout"}, ["call error"]),
        ({"tool": "get"}, ["verify success"]),
        ({"ip": "2001:DB8:0::1"}, ["verify denied"]),
        ({"ip": "127.0.0.1"}, ["api_key.created success"]),
        ({"secret_version": 1, "status": "denied"}, ["verify denied"]),
        ({"secret_version": 2}, []),
        ({"action": "call", "type": "api_key.created"}, []),
        ({"action": "manage"}, []),
    ],
)
def test_a_filter_returns_the_entries_with_that_field(
    org: Organization, key: Key, params: dict[str, object], expected: list[str]
) -> None:
    found = searched(org, key, **params)
    assert [f"{entry.get('action', entry['event'])} {entry['status']}" for entry in found.data] == expected
    assert found.json["pagination"]["next_cursor"] is None
    assert "searched_to" not in found.json["pagination"]


def test_uses_can_be_filtered_by_mcp(org: Organization, key: Key) -> None:
    refused = org.activity(key)[0]
    assert org.activity(key, mcp_id=refused["mcp_id"]) == [refused]
    assert refused["mcp_name"] == "Wiki"


def test_a_revocation_is_found_by_its_reason(org: Organization) -> None:
    key = org.key()
    org.verify(key.secret)
    org.client.delete(key.path, {"reason": "compromised"})
    org.verify(key.secret)
    assert [entry["event"] for entry in org.activity(key, reason="compromised")] == ["api_key.revoked"]
    assert org.activity(key, reason="superseded") == []
    assert reasons(org.activity(key, reason="revoked_key")) == ["revoked_key"]


def test_uses_of_one_secret_are_found_by_its_version(org: Organization) -> None:
    key = org.key()
    renewed = org.client.post(f"{key.path}/rotate", {"overlap_seconds": 3600}).data["key"]
    org.verify(key.secret)
    org.verify(renewed)
    assert [entry["secret_version"] for entry in org.activity(key, action="verify")] == [2, 1]
    (old,) = org.activity(key, secret_version=1)
    assert old["secret_version"] == 1


def test_filters_are_part_of_the_cursor_and_of_the_link(org: Organization) -> None:
    key = org.key()
    for _ in range(3):
        org.verify(key.secret, ip="192.0.2.9")
    first = searched(org, key, ip="192.0.2.9", per_page=2)
    cursor = first.json["pagination"]["next_cursor"]
    assert "ip=192.0.2.9" in first.headers["link"]
    assert len(searched(org, key, ip="192.0.2.9", cursor=cursor).data) == 1
    assert searched(org, key, cursor=cursor).details.keys() == {"cursor"}


def test_a_search_stops_after_5000_uses_and_continues_from_there(org: Organization) -> None:
    key = org.key()
    begin = now() - timedelta(seconds=30)
    record(org, begin, uses(org, key, 2, begin, code="rate_limited"))
    for number in range(1, 7):
        at = begin + timedelta(seconds=number)
        record(org, at, uses(org, key, BATCH, at))
    page = searched(org, key, status="denied")
    assert page.data == []
    assert page.json["pagination"]["searched_to"] == (begin + timedelta(seconds=2)).isoformat().replace("+00:00", "Z")
    rest = searched(org, key, status="denied", cursor=page.json["pagination"]["next_cursor"])
    assert reasons(rest.data) == ["rate_limited", "rate_limited"]
    assert rest.json["pagination"]["next_cursor"] is None
    assert "searched_to" not in rest.json["pagination"]


def test_changes_stay_in_order_around_the_end_of_a_search(org: Organization) -> None:
    """A change before the uses that were searched belongs to the page that searches further back."""
    key = org.key()
    at = now()
    for number in range(6):
        record(org, at, uses(org, key, BATCH, at + timedelta(microseconds=number), ip="10.0.0.1"))
    org.client.patch(key.path, {"name": "Renamed"})
    page = searched(org, key, ip="127.0.0.1")
    assert [entry["event"] for entry in page.data] == ["api_key.details_changed"]
    rest = searched(org, key, ip="127.0.0.1", cursor=page.json["pagination"]["next_cursor"])
    assert [entry["event"] for entry in rest.data] == ["api_key.created"]


def test_a_full_page_names_no_time_that_it_searched_to(org: Organization) -> None:
    key = org.key()
    for _ in range(3):
        org.verify(key.secret)
    page = searched(org, key, action="verify", per_page=2).json["pagination"]
    assert page["next_cursor"] is not None
    assert "searched_to" not in page


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"status": "failed"}, "status"),
        ({"action": "read"}, "action"),
        ({"ip": "localhost"}, "ip"),
        ({"secret_version": "0"}, "secret_version"),
        ({"secret_version": "1e1"}, "secret_version"),
        ({"reason": "x" * 101}, "reason"),
        ({"mcp_id": "\0"}, "mcp_id"),
    ],
)
def test_an_invalid_filter_is_named(org: Organization, params: dict[str, str], field: str) -> None:
    refused = searched(org, org.manager, **params)
    assert (refused.status, refused.code, set(refused.details)) == (422, "validation_error", {field})


def test_a_deleted_mcp_keeps_its_name_and_an_erased_person_has_none(org: Organization) -> None:
    mcp_id, admin = org.mcp(), person(org.api, org.id)
    key = org.key()
    org.verify(key.secret, mcp_id=mcp_id)
    admin.client.post(f"{key.path}/disable")
    disabled, used, _ = org.activity(key)
    assert (disabled["actor"]["name"], used["mcp_name"]) == (admin.email, "Files")
    org.client.delete(f"/v1/mcps/{mcp_id}")
    org.api.database.rows("delete from users where user_id = %s", admin.id)
    disabled, used, _ = org.activity(key)
    assert disabled["actor"] == {"type": "user", "id": admin.id}
    assert (used["mcp_id"], used["mcp_name"]) == (mcp_id, "Files")


def test_an_mcp_of_another_organization_has_no_name(api: Api, org: Organization) -> None:
    key, foreign = org.key(), api.organization().mcp()
    org.verify(key.secret, mcp_id=foreign)
    used = org.activity(key)[0]
    assert used["mcp_id"] == foreign
    assert "mcp_name" not in used


def test_a_member_does_not_learn_the_names_of_keys_that_they_cannot_see(org: Organization) -> None:
    member = person(org.api, org.id, "member")
    created = member.client.post("/v1/api-keys", {"name": "Mine"}).data
    org.verify(created["key"])
    (used, _) = member.client.get(f"/v1/api-keys/{created['id']}/activity").data
    assert used["actor"] == {"type": "api_key", "id": org.manager.id}
