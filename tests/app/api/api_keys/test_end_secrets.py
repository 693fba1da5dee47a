"""POST /v1/api-keys/{id}/end-secrets"""

from tests.app.organizations import Api, Organization


def test_earlier_secrets_are_refused_immediately_and_the_current_one_is_not(api: Api, org: Organization) -> None:
    key = org.key()
    new = org.client.post(f"{key.path}/rotate", {"overlap_seconds": 3600}).data["key"]
    assert [org.verify(secret)["valid"] for secret in (key.secret, new)] == [True, True]
    answer = org.client.post(f"{key.path}/end-secrets")
    assert (answer.status, answer.data["revision"]) == (200, 3)
    assert org.verify(key.secret)["code"] == "revoked_key"
    assert org.verify(new)["valid"] is True
    newest, oldest = org.detail(key)["secrets"]
    assert (newest["valid_until"], oldest["valid_until"] is None) == (None, False)
    assert api.events_of(key.id) == ["api_key.created", "api_key.rotated", "api_key.secret_retired"]


def test_a_key_that_was_not_rotated_stays_unchanged(org: Organization) -> None:
    key = org.key()
    answer = org.client.post(f"{key.path}/end-secrets")
    assert (answer.status, answer.data["revision"]) == (200, 1)
    assert org.verify(key.secret)["valid"] is True


def test_a_revoked_key_has_no_secrets_to_end(org: Organization) -> None:
    key = org.key()
    org.client.post(f"{key.path}/revoke")
    assert org.client.post(f"{key.path}/end-secrets").code == "conflict"


def test_secrets_are_ended_only_at_the_expected_revision(org: Organization) -> None:
    key = org.key()
    org.client.post(f"{key.path}/rotate", {"overlap_seconds": 3600})
    assert org.client.post(f"{key.path}/end-secrets", If_Match='"1"').status == 412
    assert org.verify(key.secret)["valid"] is True
