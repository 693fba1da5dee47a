"""PATCH /v1/api-keys/{id}"""

import pytest

from tests.app.api.api_keys.shapes import KEY
from tests.app.organizations import Api, Organization


def test_a_changed_key_is_returned_with_every_field(org: Organization) -> None:
    key = org.key()
    answer = org.client.patch(key.path, {"name": "Renamed", "description": "New", "metadata": {"a": "b"}})
    assert answer.status == 200
    assert set(answer.data) == KEY
    assert (answer.data["name"], answer.data["description"], answer.data["metadata"]) == ("Renamed", "New", {"a": "b"})
    assert answer.data["revision"] == 2
    assert (answer.headers["etag"], answer.headers["x-revision"]) == ('"2"', "2")


@pytest.mark.parametrize(
    ("body", "event"),
    [
        ({"name": "Renamed"}, "api_key.details_changed"),
        ({"description": "New"}, "api_key.details_changed"),
        ({"metadata": {"a": "b"}}, "api_key.details_changed"),
        ({"permissions": {"mcps": "*"}}, "api_key.permissions_changed"),
        ({"rate_limit": {"per_second": 3}}, "api_key.permissions_changed"),
        ({"allowed_ips": ["127.0.0.0/8"]}, "api_key.permissions_changed"),
        ({"expires_at": "2100-01-01T00:00:00Z"}, "api_key.expiration_changed"),
    ],
)
def test_a_change_of_one_field_changes_no_other_field(
    api: Api, org: Organization, body: dict[str, object], event: str
) -> None:
    key = org.key()
    before = org.client.get(key.path).data
    after = org.client.patch(key.path, body).data
    assert {name: after[name] for name in body} != {name: before[name] for name in body}
    assert {name for name in KEY if after[name] != before[name]} == {*body, "revision"}
    assert api.events_of(key.id) == ["api_key.created", event]


def test_null_removes_a_value(org: Organization) -> None:
    key = org.key(expires_at="2100-01-01T00:00:00Z", rate_limit={"per_second": 3}, description="x")
    cleared = org.client.patch(key.path, {"expires_at": None, "rate_limit": None, "description": None}).data
    assert (cleared["expires_at"], cleared["rate_limit"], cleared["description"]) == (None, None, "")


def test_a_change_to_the_same_value_changes_nothing(api: Api, org: Organization) -> None:
    key = org.key()
    answer = org.client.patch(key.path, {"name": "Deploy"})
    assert (answer.status, answer.headers["x-revision"]) == (200, "1")
    assert org.client.patch(key.path, {}).data["revision"] == 1
    assert api.events_of(key.id) == ["api_key.created"]


def test_verification_uses_narrowed_permissions_immediately(org: Organization) -> None:
    mcp_id = org.mcp()
    key = org.key(permissions={"mcps": "*"})
    assert org.verify(key.secret, mcp_id=mcp_id)["valid"] is True
    org.client.patch(key.path, {"permissions": {"mcps": []}})
    verdict = org.verify(key.secret, mcp_id=mcp_id)
    assert (verdict["code"], verdict["revision"]) == ("mcp_not_permitted", 2)


def test_a_revoked_key_cannot_be_changed(org: Organization) -> None:
    key = org.key()
    org.client.delete(key.path)
    refused = org.client.patch(key.path, {"name": "Renamed"})
    assert (refused.status, refused.code) == (409, "conflict")


def test_an_expired_key_cannot_be_changed_or_extended(org: Organization) -> None:
    key = org.expired_key()
    for body in ({"name": "Renamed"}, {"expires_at": None}):
        refused = org.client.patch(key.path, body)
        assert (refused.status, refused.code) == (409, "conflict")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"environment": "test"}, "environment"),
        ({"status": "active"}, "status"),
        ({"expires_in_days": 3}, "expires_in_days"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"permissions": {"mcps": ["mcp_x"]}}, "permissions.mcps"),
        ({"permissions": None}, "permissions"),
        ({"allowed_ips": None}, "allowed_ips"),
        ({"metadata": {"a": None}}, "metadata[...]"),
        ({"rate_limit": {"per_second": "5"}}, "rate_limit.per_second"),
    ],
)
def test_an_invalid_field_is_named(api: Api, org: Organization, body: dict[str, object], field: str) -> None:
    key = org.key()
    refused = org.client.patch(key.path, body)
    assert (refused.status, refused.code) == (422, "validation_error")
    assert set(refused.details) == {field}
    assert api.events_of(key.id) == ["api_key.created"]
