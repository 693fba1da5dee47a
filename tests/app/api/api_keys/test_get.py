"""GET /v1/api-keys/{id}"""

import re

from tests.app.api.api_keys.shapes import DETAIL, INSTANT
from tests.app.organizations import Api, Organization
from tests.seed import OWNER


def test_a_key_is_returned_with_every_field_except_its_secret(org: Organization) -> None:
    key = org.key()
    answer = org.client.get(key.path)
    assert answer.status == 200
    assert set(answer.data) == DETAIL
    assert key.secret not in answer.content.decode()
    assert (answer.headers["etag"], answer.headers["x-revision"]) == ('"1"', "1")


def test_the_secrets_of_a_key_are_dated_and_listed_newest_first(org: Organization) -> None:
    key = org.key()
    org.client.post(f"{key.path}/rotate", {"overlap_seconds": 60})
    newest, oldest = org.detail(key)["secrets"]
    assert set(newest) == {"version", "prefix", "last4", "created_at", "last_used", "valid_until"}
    assert (newest["version"], newest["valid_until"]) == (2, None)
    assert (oldest["version"], oldest["prefix"], oldest["last4"]) == (1, key.secret[:12], key.secret[-4:])
    assert re.fullmatch(INSTANT, oldest["valid_until"])


def test_recent_activity_contains_the_ten_newest_entries(org: Organization) -> None:
    key = org.key()
    for _ in range(12):
        org.verify(key.secret)
    recent = org.detail(key)["recent_activity"]
    assert len(recent) == 10
    assert recent == org.activity(key, per_page=10)


def test_the_creator_of_a_key_is_a_key_or_a_person(api: Api, org: Organization) -> None:
    assert org.detail(org.key())["created_by"] == {
        "id": org.manager.id,
        "type": "api_key",
        "name": "Manager",
    }
    created_by_owner = org.seeded_key(by=OWNER)
    owner = org.detail(created_by_owner)["created_by"]
    assert set(owner) == {"id", "email"}
    assert owner["email"] is None, "the address is missing or was erased"
    api.database.rows(
        "insert into users (user_id, organization_id, email) values (%s, %s, 'owner@example.com')", owner["id"], org.id
    )
    assert org.detail(created_by_owner)["created_by"] == {
        "id": owner["id"],
        "email": "owner@example.com",
        "name": "owner@example.com",
    }
    api.database.rows("delete from users where user_id = %s", owner["id"])


def test_an_unknown_query_parameter_is_named(org: Organization) -> None:
    refused = org.client.get(org.manager.path, {"expand": "usage"})
    assert (refused.status, refused.code, refused.details) == (422, "validation_error", {"expand": "Unknown field"})


def test_a_change_is_visible_in_the_next_response(org: Organization) -> None:
    key = org.key()
    changed = org.client.patch(key.path, {"name": "Renamed"})
    detail = org.client.get(key.path)
    assert detail.data["name"] == "Renamed"
    assert detail.headers["x-revision"] == changed.headers["x-revision"] == "2"
