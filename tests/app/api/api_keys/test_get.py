"""GET /v1/api-keys/{id}"""

import re

from tests.app.api.api_keys.shapes import DETAIL, INSTANT
from tests.app.organizations import Api, Organization
from tests.seed import OWNER


def test_a_key_is_shown_whole_but_for_its_secret(org: Organization) -> None:
    key = org.key()
    answer = org.client.get(key.path)
    assert answer.status == 200
    assert set(answer.data) == DETAIL
    assert key.secret not in answer.content.decode()
    assert (answer.headers["etag"], answer.headers["x-revision"]) == ('"1"', "1")


def test_its_secrets_are_dated_newest_first(org: Organization) -> None:
    key = org.key()
    org.client.post(f"{key.path}/rotate", {"overlap_seconds": 60})
    newest, oldest = org.detail(key)["secrets"]
    assert set(newest) == {"version", "created_at", "last_used", "valid_until"}
    assert (newest["version"], newest["valid_until"]) == (2, None)
    assert oldest["version"] == 1
    assert re.fullmatch(INSTANT, oldest["valid_until"])


def test_recent_activity_holds_the_ten_newest(org: Organization) -> None:
    key = org.key()
    for _ in range(12):
        org.verify(key.secret)
    recent = org.detail(key)["recent_activity"]
    assert len(recent) == 10
    assert recent == org.activity(key, per_page=10)


def test_who_created_it_is_a_key_or_a_person(api: Api, org: Organization) -> None:
    assert org.detail(org.key())["created_by"] == {"id": org.manager.id, "type": "api_key"}
    of_a_person = org.seeded_key(by=OWNER)
    owner = org.detail(of_a_person)["created_by"]
    assert set(owner) == {"id", "email"}
    assert owner["email"] is None, "an address that is not there, or was erased"
    api.database.rows(
        "insert into users (user_id, organization_id, email) values (%s, %s, 'owner@example.com')", owner["id"], org.id
    )
    assert org.detail(of_a_person)["created_by"] == {"id": owner["id"], "email": "owner@example.com"}
    api.database.rows("delete from users where user_id = %s", owner["id"])


def test_a_query_parameter_is_refused_by_name(org: Organization) -> None:
    refused = org.client.get(org.manager.path, {"expand": "usage"})
    assert (refused.status, refused.code, refused.details) == (422, "validation_error", {"expand": "Unknown field"})


def test_a_change_shows_from_then_on(org: Organization) -> None:
    key = org.key()
    changed = org.client.patch(key.path, {"name": "Renamed"})
    detail = org.client.get(key.path)
    assert detail.data["name"] == "Renamed"
    assert detail.headers["x-revision"] == changed.headers["x-revision"] == "2"
