"""POST /v1/api-keys/identify."""

import subprocess
from hashlib import sha256

import pytest

from domain.keys.permissions import Permissions
from tests.app.client import Client, Response
from tests.app.organizations import Api, Organization, unknown_secret
from tests.app.people import person

PATH = "/v1/api-keys/identify"


def identify(client: Client, secret: str) -> Response:
    return client.post(PATH, {"sha256": sha256(secret.encode()).hexdigest()})


def test_the_key_of_a_secret_is_found_by_its_sha256(org: Organization) -> None:
    key = org.key(name="Agent")
    answer = identify(org.client, key.secret)
    assert answer.status == 200
    assert answer.data == {
        "key": {
            "id": key.id,
            "name": "Agent",
            "environment": "live",
            "status": "active",
            "secret_version": 1,
            "is_current": True,
        }
    }


def test_the_digest_is_what_the_documented_command_prints(org: Organization) -> None:
    key = org.key()
    command = 'printf %s "$KEY" | sha256sum | cut -d " " -f 1'
    printed = subprocess.run(["sh", "-c", command], env={"KEY": key.secret}, capture_output=True, text=True, check=True)
    digest = printed.stdout.strip()
    for spelled in (digest, digest.upper()):
        assert org.client.post(PATH, {"sha256": spelled}).data["key"]["id"] == key.id


def test_retired_secrets_and_inactive_keys_are_found(org: Organization) -> None:
    key = org.key()
    new = org.client.post(f"{key.path}/rotate").data["key"]
    assert _found(org, key.secret) == (key.id, "active", 1, False)
    assert _found(org, new) == (key.id, "active", 2, True)
    org.client.post(f"{key.path}/disable")
    assert _found(org, new) == (key.id, "disabled", 2, True)
    org.client.post(f"{key.path}/revoke", {"reason": "compromised"})
    assert _found(org, key.secret) == (key.id, "revoked", 1, False)
    expired = org.expired_key()
    assert _found(org, expired.secret) == (expired.id, "expired", 1, True)


def test_unknown_foreign_and_invisible_keys_get_the_same_bytes(api: Api, org: Organization) -> None:
    """A member sees only their own keys."""
    member = person(api, org.id, "member").client
    foreign = api.organization().seeded_key()
    invisible = org.seeded_key()
    bodies = {identify(member, secret).content for secret in (unknown_secret(), foreign.secret, invisible.secret)}
    assert bodies == {b'{"success":true,"data":{"key":null}}'}
    made = member.post("/v1/api-keys", {"name": "Mine"})
    assert identify(member, made.data["key"]).data["key"]["id"] == made.data["id"]


def test_an_identification_is_no_use_of_the_key_and_leaves_its_revision(org: Organization) -> None:
    key = org.key()
    before = org.client.get(key.path)
    identify(org.client, key.secret)
    after = org.client.get(key.path)
    assert after.headers["etag"] == before.headers["etag"]
    assert [entry["event"] for entry in org.activity(key)] == ["api_key.created"]
    changed = org.client.patch(key.path, {"name": "New"}, if_match=before.headers["etag"])
    assert changed.status == 200


def test_an_identification_is_an_event_with_the_caller_and_without_the_digest(api: Api, org: Organization) -> None:
    owner = person(api, org.id, "owner")
    key = org.key()
    identify(owner.client, key.secret)
    (event,) = org.client.get("/v1/audit/events", {"type": "api_key.identified"}).data
    assert (event["actor"]["type"], event["actor"]["id"]) == ("user", owner.id)
    assert event["ip"] == "127.0.0.1"
    assert event["resource"]["type"] == "identification"
    assert set(event["data"]) == {"identification_id", "organization_id", "key_id", "secret_version", "identified_at"}
    assert (event["data"]["key_id"], event["data"]["secret_version"]) == (key.id, 1)
    assert event["data"]["identification_id"] == event["resource"]["id"]


def test_a_secret_that_belongs_to_no_visible_key_leaves_no_event(api: Api, org: Organization) -> None:
    foreign = api.organization()
    identify(org.client, foreign.seeded_key().secret)
    identify(org.client, unknown_secret())
    for each in (org, foreign):
        assert each.client.get("/v1/audit/events", {"type": "api_key.identified"}).data == []


def test_a_key_needs_the_grant_to_read_keys(org: Organization) -> None:
    caller = org.seeded_key(permissions=Permissions(mcps="*", manage=("keys:write", "keys:verify")))
    refused = identify(caller.client, org.key().secret)
    assert (refused.status, refused.details) == (403, {"required": ["keys:read"]})
    assert org.client.get("/v1/audit/events", {"type": "api_key.identified"}).data == []


@pytest.mark.parametrize("value", ["", "ab", "0" * 63, "0" * 65, "g" * 64, "0" * 64 + "\n", 7, None, [], "\uff10" * 64])
def test_a_value_that_is_no_sha256_is_refused(org: Organization, value: object) -> None:
    refused = org.client.post(PATH, {"sha256": value})
    assert (refused.status, set(refused.details)) == (422, {"sha256"})


def test_a_secret_instead_of_its_digest_is_refused_and_not_repeated(org: Organization) -> None:
    key = org.key()
    refused = org.client.post(PATH, {"sha256": key.secret})
    assert (refused.status, set(refused.details)) == (422, {"sha256"})
    assert key.secret.encode() not in refused.content


def _found(org: Organization, secret: str) -> tuple[str, str, int, bool]:
    key = identify(org.client, secret).data["key"]
    return key["id"], key["status"], key["secret_version"], key["is_current"]
