"""GET /v1/api-keys: fields, filters and sort orders."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.grants import GRANTS
from domain.keys.permissions import Permissions
from tests.app.api.api_keys.shapes import KEY, LISTED, PAGINATION
from tests.app.organizations import Api, Key, Organization
from tests.waiting import eventually

NOW = datetime.now(UTC)


def listed(org: Organization, **params: object) -> list[str]:
    """Return the names of the keys, without the manager."""
    answer = org.client.get("/v1/api-keys", {"per_page": 100, **params})
    return [item["name"] for item in answer.data if item["id"] != org.manager.id]


@pytest.fixture
def filled(org: Organization) -> Organization:
    """Keys in every state."""
    org.key(name="active")
    org.client.post(f"{org.key(name='disabled').path}/disable")
    org.client.delete(org.key(name="revoked").path)
    org.expired_key(name="expired")
    org.client.post(f"{org.key(name='soon', expires_at=_in(days=5)).path}/disable")
    org.key(name="later", expires_at=_in(days=50))
    return org


def test_a_list_has_pagination(org: Organization) -> None:
    org.key()
    answer = org.client.get("/v1/api-keys")
    assert answer.status == 200
    assert set(answer.json) == {"success", "data", "pagination"}
    assert all(set(item) == LISTED for item in answer.data)
    assert set(answer.json["pagination"]) == PAGINATION
    assert answer.json["pagination"] == {"page": 1, "per_page": 20, "total": 2, "total_pages": 1, "next_cursor": None}
    assert "link" not in answer.headers


def test_a_listed_key_has_the_same_fields_as_its_detail(org: Organization) -> None:
    key = org.key(metadata={"a": "b"}, permissions={"mcps": "*"})
    detail = org.detail(key)
    item = org.client.get("/v1/api-keys").data[0]
    assert {name: item[name] for name in KEY} == {name: detail[name] for name in KEY}


def test_keys_of_another_organization_are_not_listed(api: Api, org: Organization) -> None:
    api.organization().key(name="Foreign")
    assert listed(org) == []


@pytest.mark.parametrize(
    ("status", "names"),
    [
        ("active", {"active", "later"}),
        ("disabled", {"disabled", "soon"}),
        ("revoked", {"revoked"}),
        ("expired", {"expired"}),
    ],
)
def test_keys_are_filtered_by_status(filled: Organization, status: str, names: set[str]) -> None:
    """A key past its expiry is listed as expired before an event records the expiry."""
    assert set(listed(filled, status=status)) == names


def test_a_disabled_key_past_its_expiry_is_expired(org: Organization) -> None:
    key = org.seeded_key(name="soon gone", expires_at=datetime.now(UTC) + timedelta(seconds=1))
    org.client.post(f"{key.path}/disable")
    eventually(lambda: listed(org, status="disabled") == [])
    assert listed(org, status="expired") == ["soon gone"]


def test_keys_are_filtered_by_days_until_expiry(filled: Organization) -> None:
    assert listed(filled, expiring_within_days=4) == []
    assert set(listed(filled, expiring_within_days=6)) == {"soon"}
    assert set(listed(filled, expiring_within_days=51)) == {"soon", "later"}


def test_keys_are_filtered_by_environment(org: Organization) -> None:
    org.seeded_key(name="a test", environment="test")
    org.key(name="a live one")
    assert listed(org, environment="test") == ["a test"]
    assert listed(org, environment="live") == ["a live one"]


def test_the_mcp_filter_includes_keys_for_all_mcps(org: Organization) -> None:
    mcp_id, other = org.mcp(), org.mcp()
    org.key(name="listed", permissions={"mcps": [mcp_id]})
    org.key(name="other", permissions={"mcps": [other]})
    org.key(name="all", permissions={"mcps": "*"})
    org.key(name="none")
    assert set(listed(org, mcp_id=mcp_id)) == {"listed", "all"}


def test_keys_are_filtered_by_creator(org: Organization) -> None:
    second = org.seeded_key(name="second manager", permissions=Permissions(mcps="*", manage=GRANTS))
    second.client.post("/v1/api-keys", {"name": "by the second"})
    org.key(name="by the first")
    assert listed(org, created_by=second.id) == ["by the second"]
    assert listed(org, created_by=org.manager.id) == ["by the first"]
    person = org.detail(second)["created_by"]["id"]
    assert listed(org, created_by=person) == ["second manager"]


def test_keys_are_filtered_by_days_without_use(api: Api, org: Organization) -> None:
    old = NOW - timedelta(days=40)
    unused = org.seeded_key(name="old and unused", at=old)
    used = org.seeded_key(name="old and used", at=old)
    org.key(name="new and unused")
    _used(api, used, NOW - timedelta(days=3))
    assert set(listed(org, unused_for_days=30)) == {"old and unused"}
    assert set(listed(org, unused_for_days=2)) == {"old and unused", "old and used"}
    assert org.detail(unused)["last_used"] is None


def test_keys_that_were_never_used_are_filtered_by_their_age(api: Api, org: Organization) -> None:
    old = NOW - timedelta(days=10)
    org.seeded_key(name="old and unused", at=old)
    _used(api, org.seeded_key(name="old and used", at=old), NOW - timedelta(days=9))
    org.key(name="new and unused")
    for sort in ("created_at", "name", "expires_at", "last_used"):
        assert listed(org, never_used_for_days=7, sort=sort) == ["old and unused"]
    assert listed(org, never_used_for_days=11) == []


def test_keys_without_an_expiry_date_are_a_filter(org: Organization) -> None:
    org.key(name="endless", permissions={"mcps": "*"})
    org.key(name="ending", expires_at=(NOW + timedelta(days=3)).isoformat())
    for sort in ("created_at", "name", "expires_at", "last_used"):
        assert "endless" in listed(org, expires="never", sort=sort)
        assert "ending" not in listed(org, expires="never", sort=sort)


def test_keys_for_all_mcps_are_a_filter(org: Organization) -> None:
    org.key(name="all", permissions={"mcps": "*"})
    test = org.seeded_key(name="all test", environment="test", permissions=Permissions(mcps="*"))
    org.key(name="one", permissions={"mcps": [org.mcp()]})
    assert set(listed(org, mcp_access="all")) == {"all", "all test"}
    assert listed(org, mcp_access="all", environment="test") == ["all test"]
    org.client.post(f"{test.path}/disable")
    assert listed(org, mcp_access="all", status="disabled") == ["all test"]
    org.expired_key(name="ended", permissions=Permissions(mcps="*"))
    page = org.client.get("/v1/api-keys", {"mcp_access": "all", "status": "expired"})
    assert ([key["name"] for key in page.data], page.json["pagination"]["total"]) == (["ended"], 1)


def test_keys_whose_rotation_ends_soon_are_a_filter(org: Organization) -> None:
    for name, seconds in (("soon", 3_600), ("later", 5 * 86_400)):
        org.client.post(f"{org.key(name=name).path}/rotate", {"overlap_seconds": seconds})
    org.key(name="not rotated")
    assert listed(org, rotation_ends_within_days=1) == ["soon"]
    assert set(listed(org, rotation_ends_within_days=6)) == {"soon", "later"}


def test_keys_with_a_grant_that_any_address_may_use_are_a_filter(org: Organization) -> None:
    manages = {"manage": ["keys:write"]}
    opened = org.key(name="open", permissions=manages)
    org.key(name="office", permissions=manages, allowed_ips=["10.0.0.0/8"])
    org.key(name="reads", permissions={"manage": ["keys:read"]})
    assert listed(org, open_grant="keys:write") == ["open"]
    org.client.patch(opened.path, {"allowed_ips": ["10.0.0.0/8"]})
    assert listed(org, open_grant="keys:write") == []
    assert listed(org, open_grant="keys:read") == ["reads"]


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("deploy", ["Nightly DEPLOY"]),
        ("DEPLOY", ["Nightly DEPLOY"]),
        ("100%", ["100% coverage"]),
        ("case", ["snake_case"]),
        ("ploy", []),
        ("% cov", []),
        ("100% cov", ["100% coverage"]),
        ("écl", ["Éclair"]),
        ("nothing like it", []),
        ("' or 1=1 --", []),
        ("pk_live_", None),
    ],
)
def test_the_search_matches_word_starts_in_names_and_prefixes(
    org: Organization, q: str, names: list[str] | None
) -> None:
    everything = ["Nightly DEPLOY", "100% coverage", "snake_case", "Éclair"]
    for name in everything:
        org.key(name=name)
    assert sorted(listed(org, q=q)) == sorted(everything if names is None else names)


SCRIPTS = [
    "Café décomposé".replace("é", "e\u0301"),
    "Café composé",
    "Große Straße",
    "東京支店のキー",
    "ｶﾅ key",
    "กุญแจสำหรับทดสอบ",
    "部署密钥",
    "İstanbul",
]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("café", [0, 1]),
        ("cafe\u0301", [0, 1]),
        ("CAFE\u0301", [0, 1]),
        ("composé", [1]),
        ("décomp", [0]),
        ("STRASSE", [2]),
        ("strasse", [2]),
        ("straße", [2]),
        ("GROSSE STRA\u1e9eE", [2]),
        (" straße ", [2]),
        ("\u3000東京\u3000", [3]),
        ("\t\u00a0große  stra", [2]),
        ("東京", [3]),
        ("支店", [3]),
        ("キー", [3]),
        ("のキ", [3]),
        ("ｷｰ", [3]),
        ("カナ", [4]),
        ("\uff2b\uff25\uff39", [4]),
        ("ナ key", [4]),
        ("สำหรับ", [5]),
        ("ทดสอบ", [5]),
        ("密钥", [6]),
        ("密", [6]),
        ("istanbul", [7]),
        ("İST", [7]),
        ("東支", []),
        ("tra", []),
    ],
)
def test_the_search_folds_equivalent_letters_and_matches_anywhere_in_scripts_without_spaces(
    org: Organization, q: str, found: list[int]
) -> None:
    for name in SCRIPTS:
        org.key(name=name)
    assert sorted(listed(org, q=q)) == sorted(SCRIPTS[number] for number in found)


def test_a_renamed_key_is_found_only_by_its_new_name(org: Organization) -> None:
    key = org.key(name="Straße 東京支店")
    org.client.patch(key.path, {"name": "Gasse 大阪本店"})
    assert [listed(org, q=q) for q in ("STRASSE", "支店", "京")] == [[], [], []]
    assert [listed(org, q=q) for q in ("GASSE", "本店", "阪")] == [["Gasse 大阪本店"]] * 3


def test_the_longest_names_in_every_script_can_be_stored_and_found(org: Organization) -> None:
    for name in ("\ufdfa" * 100, "密" * 100, "\U00020000" * 100, "ß" * 100, "\u0390" * 100):
        org.key(name=name)
        assert listed(org, q=name[:5]) == [name]


def test_a_key_is_found_by_its_full_prefix(org: Organization) -> None:
    org.key(name="another")
    key = org.key(name="this one")
    assert listed(org, q=key.secret[:12]) == ["this one"]


def test_several_filters_are_combined(filled: Organization) -> None:
    assert listed(filled, status="active", q="later", environment="live", expiring_within_days=60) == ["later"]
    assert listed(filled, status="revoked", q="later") == []


ORDERS: dict[tuple[str, str | None], list[str]] = {
    ("created_at", None): ["third", "second", "First"],
    ("created_at", "asc"): ["First", "second", "third"],
    ("name", None): ["First", "second", "third"],
    ("name", "desc"): ["third", "second", "First"],
    ("expires_at", None): ["third", "First", "second"],
    ("expires_at", "desc"): ["second", "First", "third"],
    ("last_used", None): ["second", "third", "First"],
    ("last_used", "asc"): ["First", "third", "second"],
}


@pytest.fixture(scope="module")
def ordered(api: Api) -> Organization:
    """Three keys, created in this order; the second never expires and was used last, the first was never used."""
    org = api.organization()
    org.key(name="First", expires_at=_in(days=20))
    second = org.key(name="second")
    third = org.key(name="third", expires_at=_in(days=10))
    _used(api, third, NOW - timedelta(days=2))
    _used(api, second, NOW - timedelta(days=1))
    return org


@pytest.mark.parametrize(("sort", "order"), ORDERS)
def test_a_list_has_the_requested_order(ordered: Organization, sort: str, order: str | None) -> None:
    direction = {} if order is None else {"order": order}
    assert listed(ordered, sort=sort, **direction) == ORDERS[sort, order]


@pytest.mark.parametrize(("sort", "order"), ORDERS)
def test_a_cursor_continues_in_every_order(ordered: Organization, sort: str, order: str | None) -> None:
    params: dict[str, Any] = {"sort": sort, "per_page": 1} | ({} if order is None else {"order": order})
    names: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = ordered.client.get("/v1/api-keys", params | cursor)
        names += [item["name"] for item in answer.data if item["id"] != ordered.manager.id]
        if answer.json["pagination"]["next_cursor"] is None:
            break
        cursor = {"cursor": answer.json["pagination"]["next_cursor"]}
    assert names == ORDERS[sort, order]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"status": "gone"}, "status"),
        ({"environment": "staging"}, "environment"),
        ({"expiring_within_days": "0"}, "expiring_within_days"),
        ({"expiring_within_days": "soon"}, "expiring_within_days"),
        ({"expiring_within_days": "99999999999999999999"}, "expiring_within_days"),
        ({"unused_for_days": "36501"}, "unused_for_days"),
        ({"q": ""}, "q"),
        ({"q": " "}, "q"),
        ({"q": "\t\u3000\u00a0"}, "q"),
        ({"q": "x" * 101}, "q"),
        ({"q": "\0"}, "q"),
        ({"mcp_id": "x" * 101}, "mcp_id"),
        ({"created_by": "\0"}, "created_by"),
        ({"sort": "id"}, "sort"),
        ({"order": "up"}, "order"),
        ({"page": "0"}, "page"),
        ({"page": "-1"}, "page"),
        ({"page": "1000001"}, "page"),
        ({"page": "one"}, "page"),
        ({"per_page": "0"}, "per_page"),
        ({"per_page": "101"}, "per_page"),
        ({"limit": "5"}, "limit"),
        ({"Status": "active"}, "Status"),
    ],
)
def test_an_invalid_parameter_is_named(refused_org: Organization, params: dict[str, str], field: str) -> None:
    refused = refused_org.client.get("/v1/api-keys", params)
    assert (refused.status, refused.code) == (422, "validation_error")
    assert set(refused.details) == {field}


def test_a_repeated_parameter_is_refused_by_name(org: Organization) -> None:
    refused = org.client.get("/v1/api-keys?status=active&status=revoked")
    assert (refused.status, refused.details) == (422, {"status": "Must not be repeated"})


def _in(**span: float) -> str:
    return (datetime.now(UTC) + timedelta(**span)).isoformat()


def _used(api: Api, key: Key, at: datetime) -> None:
    """Set the recorded last use of a key."""
    api.database.rows("update key_recency set last_used = %s where key_id = %s", at, key.id)
