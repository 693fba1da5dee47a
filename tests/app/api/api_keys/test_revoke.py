"""DELETE /v1/api-keys/{id} and POST /v1/api-keys/{id}/revoke"""

import re

import pytest

from domain.keys.permissions import Permissions
from tests.app.api.api_keys.shapes import INSTANT
from tests.app.client import Response, concurrently
from tests.app.organizations import Api, Key, Organization

methods = pytest.mark.parametrize("method", ["DELETE", "POST"])


def revoke(org: Organization, method: str, key: Key, body: object = None, **headers: str) -> Response:
    if method == "DELETE":
        return org.client.delete(key.path, body, **headers)
    return org.client.post(f"{key.path}/revoke", body, **headers)


@methods
def test_a_key_is_revoked_immediately(api: Api, org: Organization, method: str) -> None:
    key = org.key()
    answer = revoke(org, method, key)
    assert answer.status == 200
    assert set(answer.data) == {"id", "status", "revoked_at", "revision"}
    assert (answer.data["id"], answer.data["status"], answer.data["revision"]) == (key.id, "revoked", 2)
    assert re.fullmatch(INSTANT, answer.data["revoked_at"])
    assert (answer.headers["x-revision"], answer.headers["etag"]) == ("2", '"2"')
    verdict = org.verify(key.secret)
    assert (verdict["valid"], verdict["code"], verdict["revision"]) == (False, "revoked_key", 2)
    assert key.client.get("/v1/auth/check").code == "revoked_key"
    assert api.events_of(key.id) == ["api_key.created", "api_key.revoked"]


@methods
def test_a_repeated_revocation_gets_the_same_response_and_stores_no_event(
    api: Api, org: Organization, method: str
) -> None:
    key = org.key()
    first = revoke(org, method, key, {"reason": "compromised"})
    second = revoke(org, method, key, {"reason": "superseded"})
    assert (second.status, second.content) == (200, first.content)
    assert second.headers["x-revision"] == "2"
    assert org.detail(key)["revoked_reason"] == "compromised"
    assert len(api.events_of(key.id)) == 2


@methods
@pytest.mark.parametrize("reason", ["compromised", "superseded", "owner_removed", "no_longer_needed", "unspecified"])
def test_every_reason_is_stored(org: Organization, method: str, reason: str) -> None:
    key = org.key()
    answer = revoke(org, method, key, {"reason": reason, "note": "Found in a public repository"})
    detail = org.detail(key)
    assert (detail["status"], detail["revoked_reason"]) == ("revoked", reason)
    assert detail["revoked_at"] == answer.data["revoked_at"]


@methods
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"reason": "because"}, "reason"),
        ({"reason": None}, "reason"),
        ({"note": "x" * 501}, "note"),
        ({"note": "\0"}, "note"),
        ({"note": 5}, "note"),
        ({"why": "x"}, "why"),
    ],
)
def test_an_invalid_field_is_named_and_the_key_is_not_revoked(
    org: Organization, method: str, body: dict[str, object], field: str
) -> None:
    key = org.key()
    refused = revoke(org, method, key, body)
    assert (refused.status, refused.code) == (422, "validation_error")
    assert set(refused.details) == {field}
    assert org.verify(key.secret)["valid"] is True


@methods
def test_a_revoked_key_keeps_its_name_and_activity(org: Organization, method: str) -> None:
    key = org.key()
    org.verify(key.secret)
    revoke(org, method, key)
    assert org.detail(key)["name"] == "Deploy"
    assert [entry["event"] for entry in org.activity(key)] == [
        "api_key.revoked",
        "api_key.used",
        "api_key.created",
    ]


@methods
def test_the_only_active_key_cannot_revoke_itself(api: Api, org: Organization, method: str) -> None:
    refused = revoke(org, method, org.manager)
    assert (refused.status, refused.code) == (403, "forbidden")
    assert refused.error["message"] == "Cannot revoke your only active key"
    assert org.verify(org.manager.secret)["valid"] is True
    assert api.events_of(org.manager.id) == ["api_key.created"]


@methods
def test_a_disabled_key_does_not_count_as_another_active_key(org: Organization, method: str) -> None:
    key = org.key()
    org.client.post(f"{key.path}/disable")
    assert revoke(org, method, org.manager).code == "forbidden"


@methods
def test_an_expired_key_does_not_count_as_another_active_key(org: Organization, method: str) -> None:
    """This holds before the expiry is recorded."""
    org.expired_key()
    org.expired_key(environment="test")
    assert revoke(org, method, org.manager).code == "forbidden"


@methods
def test_a_key_revokes_itself_while_another_is_active(org: Organization, method: str) -> None:
    org.key()
    assert revoke(org, method, org.manager).status == 200
    assert org.client.get("/v1/api-keys").code == "revoked_key"


@methods
def test_an_expired_key_can_be_revoked(org: Organization, method: str) -> None:
    key = org.expired_key()
    assert revoke(org, method, key).status == 200
    assert org.detail(key)["status"] == "revoked"


def test_two_last_keys_that_revoke_themselves_concurrently_leave_one(api: Api) -> None:
    for _ in range(5):
        org = api.organization()
        keys = [org.manager, org.seeded_key(permissions=Permissions(mcps="*", manage=("keys:write",)))]
        statuses = concurrently(keys, lambda key: key.client.delete(key.path).status)
        assert sorted(statuses) == [200, 403]


@methods
def test_an_old_revision_is_refused(org: Organization, method: str) -> None:
    key = org.key()
    org.client.patch(key.path, {"name": "Renamed"})
    assert revoke(org, method, key, if_match='"1"').code == "revision_mismatch"
    assert revoke(org, method, key, if_match='"2"').status == 200
