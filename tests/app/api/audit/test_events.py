"""GET /v1/audit/events and /v1/audit/events/{id}"""

import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from app.api.audit.schemas import EVENT_TYPES
from domain.grants import GRANTS
from domain.keys.permissions import Permissions
from eventstore.lanes import lane_of
from tests.app.api.api_keys.shapes import INSTANT, PAGINATION
from tests.app.organizations import Api, Organization

EVENTS = "/v1/audit/events"
FIELDS = {
    "id",
    "timestamp",
    "event",
    "actor",
    "resource",
    "ip",
    "user_agent",
    "data",
    "position",
    "hash",
    "previous_hash",
}


def events(org: Organization, **params: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = org.client.get(EVENTS, {"per_page": 100, **params}).data
    return found


def types(org: Organization, **params: object) -> list[str]:
    return [event["event"] for event in events(org, **params)]


def test_the_audit_log_lists_every_change_newest_first(org: Organization) -> None:
    key = org.key()
    org.client.patch(key.path, {"name": "Renamed"})
    mcp_id = org.mcp()
    org.client.delete(f"/v1/mcps/{mcp_id}")
    org.client.delete(key.path)
    found = events(org)
    assert [event["event"] for event in reversed(found)] == [
        "organization.created",
        "api_key.created",
        "api_key.created",
        "api_key.details_changed",
        "mcp.created",
        "mcp.deleted",
        "api_key.revoked",
    ]
    positions = [event["position"] for event in found]
    assert positions == sorted(positions, reverse=True)
    assert {event["resource"]["type"] for event in found} == {"organization", "api_key", "mcp"}


def test_a_use_is_not_in_the_audit_log(org: Organization) -> None:
    org.verify(org.key().secret)
    assert "api_key.used" not in types(org)


def test_an_event_has_its_data_actor_and_origin(org: Organization) -> None:
    key = org.key(name="Deploy", metadata={"digest": "of a song"})
    event = events(org)[0]
    assert set(event) == FIELDS
    assert re.fullmatch(INSTANT, event["timestamp"])
    assert event["event"] == "api_key.created"
    assert event["actor"] == {"type": "api_key", "id": org.manager.id, "name": "Manager"}
    assert event["resource"] == {"type": "api_key", "id": key.id, "name": "Deploy"}
    assert (event["ip"], event["user_agent"].partition("/")[0]) == ("127.0.0.1", "python-httpx2")
    assert (event["data"]["name"], event["data"]["metadata"]) == ("Deploy", {"digest": "of a song"})
    assert event == org.client.get(f"{EVENTS}/{event['id']}").data


def test_the_audit_log_contains_no_secret_or_digest(org: Organization) -> None:
    key = org.key()
    renewed = org.client.post(f"{key.path}/rotate").data["key"]
    content = org.client.get(EVENTS, {"per_page": 100}).content.decode()
    for secret in (key.secret, renewed, org.manager.secret):
        assert secret not in content
        assert sha256(secret.encode()).hexdigest() not in content
    assert events(org, type="api_key.rotated")[0]["data"]["secret"] == {"prefix": renewed[:12], "last4": renewed[-4:]}


def test_a_person_has_an_email_address_until_it_is_erased(api: Api, org: Organization) -> None:
    (created,) = events(org, type="organization.created")
    owner = created["actor"]["id"]
    assert created["actor"] == {"type": "user", "id": owner}
    api.database.rows(
        "insert into users (user_id, organization_id, email) values (%s, %s, 'owner@example.com')", owner, org.id
    )
    assert events(org, type="organization.created")[0]["actor"] == {
        "type": "user",
        "id": owner,
        "email": "owner@example.com",
        "name": "owner@example.com",
    }
    api.database.rows("delete from users where user_id = %s", owner)


def test_another_organization_in_the_same_lane_is_not_seen(api: Api) -> None:
    """Organizations that share one of the 64 lanes share its positions."""
    first = api.organization()
    neighbour = api.organization()
    while lane_of(neighbour.id) != lane_of(first.id):
        neighbour = api.organization()
    key = neighbour.key()
    foreign = events(neighbour)[0]
    first.key()
    assert {event["resource"]["id"] for event in events(first)}.isdisjoint({key.id, neighbour.manager.id, neighbour.id})
    for filters in ({"key_id": key.id}, {"resource": key.id}, {"actor": neighbour.manager.id}):
        assert events(first, **filters) == []
    refused = first.client.get(f"{EVENTS}/{foreign['id']}")
    absent = first.client.get(f"{EVENTS}/evt_{'0' * 26}")
    assert (refused.status, refused.code) == (404, "not_found")
    assert refused.without_request_id == absent.without_request_id


@pytest.fixture(scope="module")
def busy(api: Api) -> Organization:
    """An organization with a key that created and disabled another key and was renamed, and an MCP."""
    org = api.organization()
    second = org.seeded_key(name="Second", permissions=Permissions(mcps="*", manage=GRANTS))
    made = second.client.post("/v1/api-keys", {"name": "Made"}).data["id"]
    second.client.post(f"/v1/api-keys/{made}/disable")
    org.client.patch(second.path, {"name": "Renamed"})
    org.mcp()
    return org


def key_named(org: Organization, name: str) -> str:
    (found,) = org.client.get("/v1/api-keys", {"q": name}).data
    key_id: str = found["id"]
    return key_id


FILTERS: list[tuple[Callable[[Organization], dict[str, str]], list[str]]] = [
    (lambda _: {"type": "mcp.created"}, ["mcp.created"]),
    (lambda org: {"actor": key_named(org, "Renamed")}, ["api_key.disabled", "api_key.created"]),
    (lambda org: {"resource": key_named(org, "Made")}, ["api_key.disabled", "api_key.created"]),
    (
        lambda org: {"key_id": key_named(org, "Renamed")},
        ["api_key.details_changed", "api_key.disabled", "api_key.created", "api_key.created"],
    ),
    (lambda org: {"key_id": key_named(org, "Renamed"), "type": "api_key.disabled"}, ["api_key.disabled"]),
    (lambda org: {"resource": key_named(org, "Made"), "actor": org.manager.id}, []),
    (lambda _: {"ip": "192.0.2.1"}, []),
    (lambda _: {"ip": "127.0.0.1:443", "type": "mcp.created"}, ["mcp.created"]),
    (lambda _: {"ip": "[::ffff:127.0.0.1]:443", "type": "mcp.created"}, ["mcp.created"]),
    (lambda _: {"actor": "user_unknown"}, []),
]


@pytest.mark.parametrize(("filters", "expected"), FILTERS)
def test_events_are_filtered(
    busy: Organization, filters: Callable[[Organization], dict[str, str]], expected: list[str]
) -> None:
    assert types(busy, **filters(busy)) == expected


@pytest.mark.parametrize("ip", ["127.0.0.1", "::ffff:7f00:1"])
def test_events_are_filtered_by_address(busy: Organization, ip: str) -> None:
    """Requests over HTTP have this address. Seeded events have none."""
    assert types(busy, ip=ip) == ["mcp.created", "api_key.details_changed", "api_key.disabled", "api_key.created"]


def test_a_key_that_changes_itself_is_listed_once(org: Organization) -> None:
    org.client.patch(org.manager.path, {"name": "Myself"})
    assert types(org, key_id=org.manager.id) == ["api_key.details_changed", "api_key.created"]


def test_from_is_inclusive_and_to_exclusive(org: Organization) -> None:
    org.key()
    org.key()
    newest, middle, *_ = whole = events(org)
    assert events(org, **{"from": middle["timestamp"]}) == [newest, middle]
    assert events(org, to=middle["timestamp"]) == whole[2:]
    assert events(org, **{"from": middle["timestamp"]}, to=newest["timestamp"]) == [middle]
    assert events(org, **{"from": "0001-01-01T00:00:00+23:59"}, to="9999-12-31T23:59:59-23:59") == whole
    assert events(org, to="2001-01-01T00:00:00Z") == []


def test_events_added_between_pages_do_not_shift_the_next_page(org: Organization) -> None:
    for _ in range(4):
        org.key()
    whole = [event["id"] for event in events(org)]
    pages: list[str] = []
    answer = org.client.get(EVENTS, {"per_page": 2})
    assert set(answer.json["pagination"]) == PAGINATION
    while True:
        pages += [event["id"] for event in answer.data]
        cursor = answer.json["pagination"]["next_cursor"]
        if cursor is None:
            break
        org.key()
        followed = re.fullmatch(r'<(.+)>; rel="next"', answer.headers["link"])
        assert followed is not None
        answer = org.client.get(followed[1])
    assert pages == whole


def test_the_link_to_the_next_page_repeats_the_times(org: Organization) -> None:
    org.key()
    bounds = {"from": "2001-01-01T00:00:00+02:00", "to": "2999-12-31T23:59:59Z"}
    response = org.client.get(EVENTS, {"per_page": 1, **bounds})
    assert "from=2001-01-01T00%3A00%3A00%2B02%3A00&to=2999-12-31T23%3A59%3A59%2B00%3A00&" in response.headers["link"]
    following = re.fullmatch(r'<(.+)>; rel="next"', response.headers["link"])
    assert following is not None
    assert org.client.get(following[1]).data == events(org)[1:2]


def test_a_cursor_is_valid_only_for_its_own_filters_and_organization(api: Api, org: Organization) -> None:
    org.key()
    cursor = org.client.get(EVENTS, {"per_page": 1}).json["pagination"]["next_cursor"]
    for client, params in [(org.client, {"type": "api_key.created"}), (api.organization().client, {})]:
        refused = client.get(EVENTS, {"cursor": cursor, **params})
        assert (refused.status, set(refused.details)) == (422, {"cursor"})


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"type": "api_key.nothing"}, "type"),
        ({"type": "api_key.used"}, "type"),
        ({"ip": "somewhere"}, "ip"),
        ({"ip": "10.0.0.0/8"}, "ip"),
        ({"ip": ""}, "ip"),
        ({"ip": "127.0.0.1,"}, "ip"),
        ({"ip": "fe80::1%eth0"}, "ip"),
        ({"from": "yesterday"}, "from"),
        ({"to": "2026-01-01T00:00:00"}, "to"),
        ({"page": "2"}, "page"),
        ({"actor": "x" * 101}, "actor"),
        ({"resource": "\0"}, "resource"),
        ({"action": "x"}, "action"),
        ({"per_page": "101"}, "per_page"),
    ],
)
def test_an_invalid_parameter_is_named(org: Organization, params: dict[str, str], field: str) -> None:
    refused = org.client.get(EVENTS, params)
    assert (refused.status, refused.code) == (422, "validation_error")
    assert set(refused.details) == {field}


def test_an_unknown_type_is_refused_with_the_known_types(org: Organization) -> None:
    (problem,) = org.client.get(EVENTS, {"type": "zz"}).details.values()
    assert problem == f"Must be one of {', '.join(EVENT_TYPES)}"
    assert "api_key.revoked" in EVENT_TYPES


@pytest.mark.parametrize("event_id", ["evt_", "x", f"key_{'0' * 26}", "%00", "é"])
def test_a_malformed_event_id_is_not_found(org: Organization, event_id: str) -> None:
    assert org.client.get(f"{EVENTS}/{event_id}").code == "not_found"


def test_each_event_has_the_hash_of_its_record_and_of_the_previous_one(api: Api, org: Organization) -> None:
    key = org.key()
    org.client.post(f"{key.path}/disable")
    disabled, created = org.client.get("/v1/audit/events", {"resource": key.id}).data
    for event in (disabled, created):
        ((body,),) = api.database.rows("select body from events where event_id = %s", event["id"])
        assert event["hash"] == sha256(bytes(body)).hexdigest()
    assert (created["previous_hash"], disabled["previous_hash"]) == (None, created["hash"])
