"""POST /v1/api-keys/{id}/rotate"""

import time
from datetime import UTC, datetime, timedelta

import pytest

from domain.secret import parse
from tests.app.api.api_keys.shapes import ROTATED
from tests.app.api.usage.usage_data import count
from tests.app.client import Response
from tests.app.organizations import Api, Organization, unknown_secret


def test_a_rotated_key_keeps_its_fields_and_gets_a_new_secret(api: Api, org: Organization) -> None:
    key = org.key(description="Kept", metadata={"a": "b"}, permissions={"mcps": "*"})
    before = org.detail(key)
    answer = org.client.post(f"{key.path}/rotate", {"overlap_seconds": 0})
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


def test_the_old_secret_ends_immediately_without_an_overlap(api: Api, org: Organization) -> None:
    key = org.key()
    data = org.client.post(f"{key.path}/rotate", {"overlap_seconds": 0}).data
    verdict = org.verify(key.secret)
    assert (verdict["valid"], verdict["code"], verdict["key_id"]) == (False, "revoked_key", key.id)
    assert org.verify(data["key"])["valid"] is True
    assert key.client.get(key.check_path).code == "revoked_key"
    assert api.client(data["key"]).get(key.check_path).status == 200


def test_both_secrets_work_during_the_overlap_and_only_the_new_one_after_it(api: Api, org: Organization) -> None:
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


def test_the_response_has_the_end_of_the_overlap(org: Organization) -> None:
    key = org.key()
    data = org.client.post(f"{key.path}/rotate", {"overlap_seconds": 2_592_000}).data
    newest, oldest = org.detail(key)["secrets"]
    assert oldest["valid_until"] == data["previous_valid_until"]
    started = datetime.fromisoformat(newest["created_at"])
    assert datetime.fromisoformat(data["previous_valid_until"]) - started == timedelta(days=30)


def test_another_rotation_ends_an_overlap_early(org: Organization) -> None:
    key = org.key()
    second = org.client.post(f"{key.path}/rotate", {"overlap_seconds": 3600}).data["key"]
    third = org.client.post(f"{key.path}/rotate", {"overlap_seconds": 0}).data["key"]
    assert [org.verify(secret)["code"] for secret in (key.secret, second, third)] == [
        "revoked_key",
        "revoked_key",
        "valid",
    ]


def test_a_use_is_recorded_with_the_version_of_its_secret(api: Api, org: Organization) -> None:
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
def test_an_invalid_field_is_named(org: Organization, body: dict[str, object]) -> None:
    refused = org.client.post(f"{org.key().path}/rotate", body)
    assert (refused.status, set(refused.details)) == (422, set(body))


def test_a_revoked_or_expired_key_gets_no_new_secret(org: Organization) -> None:
    revoked = org.key()
    org.client.delete(revoked.path)
    for key in (revoked, org.expired_key()):
        refused = org.client.post(f"{key.path}/rotate")
        assert (refused.status, refused.code) == (409, "conflict")


def test_a_key_rotates_itself(api: Api, org: Organization) -> None:
    renewed = org.client.post(f"{org.manager.path}/rotate", {"overlap_seconds": 0}).data["key"]
    assert org.client.get("/v1/api-keys").code == "revoked_key"
    assert api.client(renewed).get("/v1/api-keys").status == 200


def test_an_old_revision_is_refused_and_the_secret_is_kept(org: Organization) -> None:
    key = org.key()
    org.client.patch(key.path, {"name": "Renamed"})
    refused = org.client.post(f"{key.path}/rotate", None, if_match='"1"')
    assert (refused.status, refused.code) == (412, "revision_mismatch")
    assert org.verify(key.secret)["valid"] is True


def test_the_new_secret_is_returned_only_once(org: Organization) -> None:
    key = org.key()
    renewed = org.client.post(f"{key.path}/rotate").data["key"]
    for shown in (org.client.get(key.path), org.client.get("/v1/api-keys"), org.client.get(f"{key.path}/activity")):
        assert renewed not in shown.content.decode()


def _codes(org: Organization, *secrets: str) -> list[str]:
    return [org.verify(secret)["code"] for secret in secrets]


def test_the_old_secret_works_until_the_new_one_is_used_by_default(api: Api, org: Organization) -> None:
    key = org.key()
    data = org.client.post(f"{key.path}/rotate").data
    assert _codes(org, key.secret, key.secret) == ["valid", "valid"]
    assert key.client.get(f"/v1/auth/check?organization_id={org.id}").status == 200
    assert _codes(org, data["key"], key.secret, data["key"]) == ["valid", "revoked_key", "valid"]
    assert key.client.get(f"/v1/auth/check?organization_id={org.id}").code == "revoked_key"
    newest, oldest = org.detail(key)["secrets"]
    assert datetime.fromisoformat(data["previous_valid_until"]) - datetime.fromisoformat(
        newest["created_at"]
    ) == timedelta(days=7)
    used_at = datetime.fromisoformat(oldest["valid_until"])
    assert api.database.rows("select used_at from used_secrets where key_id = %s", key.id) == [(used_at,)]
    query = "select count(*) from usage_events where key_id = %s and body like %s"
    query = query.replace("body like", "convert_from(body, 'UTF8') like")
    assert api.database.rows(query, key.id, '%"ends_previous":true%') == [(1,)]


def _verify_with(api: Api, caller: str, secret: str) -> Response:
    return api.client(caller).post("/v1/api-keys/verify", {"key": secret})


@pytest.mark.parametrize(
    "use",
    ["verified", "check", "call", "resource", "servers", "list", "change", "not found", "verifies", "verifies unknown"],
)
def test_any_accepted_use_of_the_new_secret_counts(api: Api, org: Organization, use: str) -> None:
    key = org.key(permissions={"mcps": "*", "manage": ["keys:read", "keys:write", "keys:verify"]})
    mcp_id = org.mcp(endpoint_url="http://127.0.0.1:9/mcp")
    renewed = org.client.post(f"{key.path}/rotate").data["key"]
    holder = api.client(renewed)
    match use:
        case "verified":
            org.verify(renewed)
        case "check":
            holder.get(key.check_path)
        case "call":
            holder.post("/v1/mcp/invoke", {"mcp_id": mcp_id, "tool": "add", "arguments": {}})
        case "resource":
            holder.post("/v1/mcp/resources", {"mcp_id": mcp_id, "uri": "file:///a"})
        case "servers":
            holder.get("/v1/mcp/servers")
        case "list":
            holder.get("/v1/api-keys")
        case "change":
            assert holder.patch(org.key().path, {"name": "Renamed"}).status == 200
        case "not found":
            assert holder.get("/v1/api-keys/key_00000000000000000000000000").status == 404
        case "verifies":
            assert _verify_with(api, renewed, org.key().secret).data["valid"] is True
        case _:
            assert _verify_with(api, renewed, "pk_live_no_key").data["valid"] is False
    assert org.verify(key.secret)["code"] == "revoked_key"
    assert _verify_with(api, key.secret, org.key().secret).code == "revoked_key"


@pytest.mark.parametrize("subject_state", ["unknown", "revoked", "foreign", "over its limit"])
def test_an_accepted_caller_uses_its_new_secret_in_any_state_of_the_verified_key(
    api: Api, org: Organization, subject_state: str
) -> None:
    key = org.key(permissions={"mcps": "*", "manage": ["keys:verify"]})
    renewed = org.client.post(f"{key.path}/rotate").data["key"]
    match subject_state:
        case "unknown":
            subject = unknown_secret()
        case "revoked":
            revoked = org.key()
            org.client.delete(revoked.path)
            subject = revoked.secret
        case "foreign":
            subject = api.organization().manager.secret
        case _:
            limited = org.key(rate_limit={"per_second": 1})
            subject = limited.secret
            while org.verify(subject)["code"] != "rate_limited":
                pass
    _verify_with(api, renewed, subject)
    assert org.verify(key.secret)["code"] == "revoked_key"


@pytest.mark.parametrize("refused", ["body", "grant"])
def test_a_refused_caller_keeps_its_old_secret(api: Api, org: Organization, refused: str) -> None:
    manage = [] if refused == "grant" else ["keys:verify"]
    key = org.key(permissions={"mcps": "*", "manage": manage})
    renewed = org.client.post(f"{key.path}/rotate").data["key"]
    body = {"key": 1} if refused == "body" else {"key": org.key().secret}
    assert api.client(renewed).post("/v1/api-keys/verify", body).status in {403, 422}
    assert org.verify(key.secret)["valid"] is True


def test_a_caller_that_verifies_its_own_new_secret_uses_it_once(api: Api, org: Organization) -> None:
    key = org.key(permissions={"mcps": "*", "manage": ["keys:verify"]})
    renewed = org.client.post(f"{key.path}/rotate").data["key"]
    assert _verify_with(api, renewed, renewed).data["valid"] is True
    assert api.database.rows("select secret_version from used_secrets where key_id = %s", key.id) == [(2,)]
    assert _verify_with(api, renewed, key.secret).data["code"] == "revoked_key"


def test_a_verification_ends_the_old_secrets_of_the_caller_and_of_the_verified_key(api: Api, org: Organization) -> None:
    first, second = (org.key(permissions={"mcps": "*", "manage": ["keys:verify"]}) for _ in range(2))
    renewed = [org.client.post(f"{key.path}/rotate").data["key"] for key in (first, second)]
    assert _verify_with(api, renewed[0], renewed[1]).data["valid"] is True
    assert [org.verify(key.secret)["code"] for key in (first, second)] == ["revoked_key", "revoked_key"]


def test_only_the_first_use_records_the_callers_secret_version(api: Api, org: Organization) -> None:
    key, subject = org.key(permissions={"mcps": "*", "manage": ["keys:verify"]}), org.key()
    renewed = org.client.post(f"{key.path}/rotate").data["key"]
    for _ in range(3):
        _verify_with(api, renewed, subject.secret)
    query = "select convert_from(body, 'UTF8') like %s from usage_events where key_id = %s order by event_id"
    rows = api.database.rows(query, '%"caller_secret_version":2%', subject.id)
    assert rows == [(True,), (False,), (False,)]


def test_the_last_use_of_each_secret_includes_verifications_by_the_key(api: Api, org: Organization) -> None:
    key, subject = org.key(permissions={"mcps": "*", "manage": ["keys:verify"]}), org.key()
    _verify_with(api, key.secret, subject.secret)
    count(api)
    (only,) = org.client.get(key.path).data["secrets"]
    assert only["last_used"] is not None, "a key with one secret was used with it"
    renewed = org.client.post(f"{key.path}/rotate", {"overlap_seconds": 3600}).data["key"]
    count(api)
    newest, earlier = org.client.get(key.path).data["secrets"]
    assert (newest["last_used"], earlier["last_used"]) == (None, None)
    (listed,) = [each for each in org.client.get("/v1/api-keys").data if each["id"] == key.id]
    assert listed["earlier_secret_last_used"] is None
    _verify_with(api, key.secret, subject.secret)
    count(api)
    newest, earlier = org.client.get(key.path).data["secrets"]
    assert newest["last_used"] is None
    (listed,) = [each for each in org.client.get("/v1/api-keys").data if each["id"] == key.id]
    assert listed["earlier_secret_last_used"] == earlier["last_used"] is not None
    _verify_with(api, renewed, subject.secret)
    count(api)
    newest, used = org.client.get(key.path).data["secrets"]
    assert used == earlier
    assert newest["last_used"] > earlier["last_used"]
    org.client.post(f"{key.path}/end-secrets")
    _verify_with(api, renewed, subject.secret)
    count(api)
    newest, ended = org.client.get(key.path).data["secrets"]
    assert newest["last_used"] > ended["valid_until"]
    (listed,) = [each for each in org.client.get("/v1/api-keys").data if each["id"] == key.id]
    assert listed["earlier_secret_last_used"] is None


def test_a_refused_use_of_the_new_secret_does_not_count(api: Api, org: Organization) -> None:
    key = org.key()
    renewed = org.client.post(f"{key.path}/rotate").data["key"]
    assert api.client(renewed).get("/v1/api-keys").code == "forbidden"
    assert org.verify(key.secret)["valid"] is True


def test_a_secret_in_use_survives_repeated_rotations_until_a_newer_one_is_used(org: Organization) -> None:
    key = org.key()
    for number in range(12):
        org.client.post(f"{key.path}/rotate", idempotency_key=f"{number}")
    assert org.verify(key.secret)["valid"] is True
    renewed = org.client.post(f"{key.path}/rotate").data["key"]
    assert _codes(org, key.secret, renewed, key.secret) == ["valid", "valid", "revoked_key"]


def test_a_rotated_secret_in_use_survives_many_lost_rotations(org: Organization) -> None:
    key = org.key()
    in_use = org.client.post(f"{key.path}/rotate").data["key"]
    assert _codes(org, in_use, key.secret) == ["valid", "revoked_key"]
    for number in range(12):
        org.client.post(f"{key.path}/rotate", idempotency_key=f"{number}")
    assert _codes(org, in_use) == ["valid"]


def test_a_key_that_loses_the_response_of_its_rotation_can_rotate_again(api: Api, org: Organization) -> None:
    org.client.post(f"{org.manager.path}/rotate")
    renewed = org.client.post(f"{org.manager.path}/rotate").data["key"]
    assert api.client(renewed).get("/v1/api-keys").status == 200
    assert org.client.get("/v1/api-keys").code == "revoked_key"


@pytest.mark.parametrize("ending", [{"overlap_seconds": 0}, "revoke", "disable"])
def test_every_secret_ends_immediately_on_a_zero_overlap_revocation_or_disable(
    org: Organization, ending: str | dict[str, int]
) -> None:
    key = org.key()
    first = org.client.post(f"{key.path}/rotate").data["key"]
    if isinstance(ending, dict):
        org.client.post(f"{key.path}/rotate", ending)
    else:
        org.client.post(f"{key.path}/{ending}")
    assert not {"valid"} & set(_codes(org, key.secret, first))


@pytest.mark.parametrize("body", [None, {"overlap_seconds": 2_592_000}])
def test_an_earlier_secret_ends_with_its_key(org: Organization, body: dict[str, int] | None) -> None:
    key = org.key(expires_in_days=2)
    data = org.client.post(f"{key.path}/rotate", body).data
    assert data["previous_valid_until"] == data["expires_at"]
    sooner = org.client.patch(key.path, {"expires_at": _in(hours=1)}).data["expires_at"]
    assert [secret["valid_until"] for secret in org.detail(key)["secrets"]] == [None, sooner]


def _in(hours: int) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat(timespec="seconds").replace("+00:00", "Z")


@pytest.mark.parametrize("body", [{}, {"overlap_seconds": 3_600}])
def test_the_secrets_of_a_revoked_key_end_with_it(org: Organization, body: dict[str, int]) -> None:
    key = org.key()
    rotated = org.client.post(f"{key.path}/rotate", body).data
    revoked = org.client.delete(key.path, {"reason": "compromised"}).data
    assert revoked["revoked_at"] < rotated["previous_valid_until"]
    assert [secret["valid_until"] for secret in org.detail(key)["secrets"]] == [None, revoked["revoked_at"]]
