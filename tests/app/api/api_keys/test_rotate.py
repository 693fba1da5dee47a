"""POST /v1/api-keys/{id}/rotate"""

import time
from datetime import datetime, timedelta

import pytest

from domain.keys.secret import parse
from tests.app.api.api_keys.shapes import ROTATED
from tests.app.organizations import Api, Organization


def test_the_key_stays_and_its_secret_changes(api: Api, org: Organization) -> None:
    key = org.key(description="Kept", metadata={"a": "b"}, permissions={"mcps": "*"})
    before = org.detail(key)
    answer = org.client.post(f"{key.path}/rotate")
    data = answer.data
    assert answer.status == 200
    assert set(data) == ROTATED
    assert data["id"] == key.id
    assert data["key"] != key.secret
    assert parse(data["key"]) is not None
    assert (data["prefix"], data["last4"]) == (data["key"][:12], data["key"][-4:])
    for kept in ("name", "description", "metadata", "permissions", "created_at", "created_by", "environment", "status"):
        assert data[kept] == before[kept]
    assert answer.headers["x-revision"] == str(data["revision"])
    assert api.events_of(key.id) == ["api_key.created", "api_key.rotated", "api_key.secret_retired"]


def test_without_overlap_the_old_secret_ends_at_once(api: Api, org: Organization) -> None:
    key = org.key()
    data = org.client.post(f"{key.path}/rotate").data
    verdict = org.verify(key.secret)
    assert (verdict["valid"], verdict["code"], verdict["key_id"]) == (False, "revoked_key", key.id)
    assert org.verify(data["key"])["valid"] is True
    assert key.client.get(key.check_path).code == "revoked_key"
    assert api.client(data["key"]).get(key.check_path).status == 200


def test_during_the_overlap_both_secrets_work_and_after_it_one(api: Api, org: Organization) -> None:
    key = org.key()
    data = org.client.post(f"{key.path}/rotate", {"overlap_seconds": 1}).data
    ends = datetime.fromisoformat(data["previous_valid_until"])
    seen = org.verify(key.secret)
    assert seen["valid"] is True or datetime.now(ends.tzinfo) >= ends
    assert org.verify(data["key"])["valid"] is True
    time.sleep(max(0.0, (ends - datetime.now(ends.tzinfo)).total_seconds()))
    assert org.verify(key.secret)["code"] == "revoked_key"
    assert org.verify(data["key"])["valid"] is True
    assert api.events_of(key.id) == ["api_key.created", "api_key.rotated"]


def test_the_end_of_the_overlap_is_told(org: Organization) -> None:
    key = org.key()
    data = org.client.post(f"{key.path}/rotate", {"overlap_seconds": 2_592_000}).data
    newest, oldest = org.detail(key)["secrets"]
    assert oldest["valid_until"] == data["previous_valid_until"]
    begun = datetime.fromisoformat(newest["created_at"])
    assert datetime.fromisoformat(data["previous_valid_until"]) - begun == timedelta(days=30)


def test_another_rotation_ends_an_overlap_early(org: Organization) -> None:
    key = org.key()
    second = org.client.post(f"{key.path}/rotate", {"overlap_seconds": 3600}).data["key"]
    third = org.client.post(f"{key.path}/rotate").data["key"]
    assert [org.verify(secret)["code"] for secret in (key.secret, second, third)] == [
        "revoked_key",
        "revoked_key",
        "valid",
    ]


def test_a_use_says_which_secret_was_used(api: Api, org: Organization) -> None:
    key = org.key()
    second = org.client.post(f"{key.path}/rotate", {"overlap_seconds": 60}).data["key"]
    for secret in (key.secret, second):
        org.verify(secret)
    query = "select secret_version from usage_events where key_id = %s order by event_id"
    assert api.database.rows(query, key.id) == [(1,), (2,)]


@pytest.mark.parametrize("overlap", [-1, 2_592_001, 10**18])
def test_an_overlap_is_at_most_thirty_days(org: Organization, overlap: int) -> None:
    key = org.key()
    refused = org.client.post(f"{key.path}/rotate", {"overlap_seconds": overlap})
    assert (refused.status, refused.code) == (422, "validation_error")
    assert set(refused.details) == {"overlap_seconds"}


@pytest.mark.parametrize(
    "body", [{"overlap_seconds": "5"}, {"overlap_seconds": None}, {"overlap_seconds": 1.5}, {"x": 1}]
)
def test_what_is_wrong_is_named(org: Organization, body: dict[str, object]) -> None:
    refused = org.client.post(f"{org.key().path}/rotate", body)
    assert (refused.status, set(refused.details)) == (422, set(body))


def test_a_revoked_or_expired_key_gets_no_new_secret(org: Organization) -> None:
    revoked = org.key()
    org.client.delete(revoked.path)
    for key in (revoked, org.expired_key()):
        refused = org.client.post(f"{key.path}/rotate")
        assert (refused.status, refused.code) == (409, "conflict")


def test_a_key_rotates_itself(api: Api, org: Organization) -> None:
    renewed = org.client.post(f"{org.manager.path}/rotate").data["key"]
    assert org.client.get("/v1/api-keys").code == "revoked_key"
    assert api.client(renewed).get("/v1/api-keys").status == 200


def test_the_old_revision_is_refused_and_the_secret_kept(org: Organization) -> None:
    key = org.key()
    org.client.patch(key.path, {"name": "Renamed"})
    refused = org.client.post(f"{key.path}/rotate", None, if_match='"1"')
    assert (refused.status, refused.code) == (412, "revision_mismatch")
    assert org.verify(key.secret)["valid"] is True


def test_the_new_secret_is_shown_once(org: Organization) -> None:
    key = org.key()
    renewed = org.client.post(f"{key.path}/rotate").data["key"]
    for shown in (org.client.get(key.path), org.client.get("/v1/api-keys"), org.client.get(f"{key.path}/activity")):
        assert renewed not in shown.content.decode()
