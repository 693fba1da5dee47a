"""POST /v1/api-keys/import."""

import asyncio
import base64
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest

from app.api.api_keys.import_plan import PAUSE_EVERY, with_pauses
from tests.app.api.api_keys.imports import PATH, counts, foreign, imported, row, send
from tests.app.client import concurrently
from tests.app.conftest import StartApi
from tests.app.organizations import Api, Organization
from tests.app.people import person


def total(org: Organization) -> int:
    number: int = org.client.get("/v1/api-keys").json["pagination"]["total"]
    return number


def test_an_imported_secret_is_accepted_everywhere(api: Api, org: Organization) -> None:
    mcp_id = org.mcp()
    key_id, secret = imported(
        org,
        description="From the old system",
        permissions={"mcps": [mcp_id]},
        expires_at="2098-01-01T00:00:00Z",
        rate_limit={"per_second": 50},
        allowed_ips=["127.0.0.0/8"],
        metadata={"team": "search"},
        prefix="acme_",
        last4=foreign()[-4:],
    )
    verdict = org.verify(secret, mcp_id=mcp_id, ip="127.0.0.1")
    assert (verdict["valid"], verdict["key_id"]) == (True, key_id)
    for client in (api.client(secret), api.client(X_API_Key=secret)):
        assert client.get(f"/v1/auth/check?mcp_id={mcp_id}").headers["x-key-id"] == key_id


def test_an_imported_key_has_the_given_fields(org: Organization) -> None:
    key_id, _ = imported(org, description="Old", metadata={"a": "b"}, prefix="acme_", last4="x9_Z")
    key = org.client.get(f"/v1/api-keys/{key_id}").data
    assert (key["name"], key["description"], key["metadata"]) == ("Old key", "Old", {"a": "b"})
    assert (key["prefix"], key["last4"], key["imported"], key["environment"]) == ("acme_", "x9_Z", True, "live")
    assert org.client.get("/v1/api-keys", {"q": "ACME_"}).json["pagination"]["total"] == 1


def test_a_key_without_shown_parts_is_listed_and_found_by_its_name(org: Organization) -> None:
    key_id, _ = imported(org, name="Nightly export")
    (listed,) = org.client.get("/v1/api-keys", {"q": "nightly"}).data
    assert (listed["id"], listed["prefix"], listed["last4"]) == (key_id, "", "")


def test_the_default_is_a_dry_run_that_changes_nothing(org: Organization) -> None:
    before = total(org)
    answer = org.client.post(PATH, {"keys": [row(), row(name="")]})
    assert counts(answer) == {"would_create": 1, "invalid": 1}
    assert answer.data["dry_run"] is True
    assert total(org) == before


def test_a_repeated_import_has_no_effect(api: Api, org: Organization) -> None:
    rows = [row(name=f"Key {number}") for number in range(120)]
    first = send(org.client, *rows)
    assert counts(first) == {"created": 120}
    again, dry = send(org.client, *rows), send(org.client, *rows, dry_run=True)
    assert counts(again) == counts(dry) == {"exists": 120}
    ids = [key["key_id"] for key in first.data["keys"]]
    assert [key["key_id"] for key in again.data["keys"]] == ids
    assert {tuple(api.events_of(key_id)) for key_id in ids} == {("api_key.created",)}
    assert [key["index"] for key in first.data["keys"]] == list(range(120))


def test_keys_are_listed_in_the_order_of_the_request(org: Organization) -> None:
    send(org.client, *[row(name=f"Key {number:02}") for number in range(60)])
    listed = org.client.get("/v1/api-keys", {"sort": "created_at", "order": "asc", "per_page": 100}).data
    names = [key["name"] for key in listed if key["imported"]]
    assert names == [f"Key {number:02}" for number in range(60)]


def test_an_invalid_key_is_named_and_the_others_are_imported(org: Organization) -> None:
    answer = send(
        org.client,
        row(),
        row(name="", expires_at="2020-01-01T00:00:00Z", metadata={"": "x"}),
        row(sha256="ab"),
        row(permissions={"mcps": ["mcp_unknown"]}),
        row(prefix="x" * 13, last4="a b"),
        row(rate_limit={"per_second": 0}),
        row(),
    )
    assert counts(answer) == {"created": 2, "invalid": 5}
    problems = {name: text for key in answer.data["keys"] for name, text in key.get("problems", {}).items()}
    assert problems == {
        "keys[1].name": "Must not be empty",
        "keys[1].expires_at": "Must be a future date",
        "keys[1].metadata": "A name must not be empty or contain control characters",
        "keys[2].sha256": "Must be the SHA-256 of the secret: 32 bytes in hexadecimal, base64 or base64url",
        "keys[3].permissions.mcps": "No such MCP in this organization: mcp_unknown",
        "keys[4].prefix": "Must have at most 12 characters",
        "keys[4].last4": "Must consist of printable ASCII characters without spaces",
        "keys[5].rate_limit.per_second": "Must be between 1 and 1000000",
    }


def test_the_shown_parts_must_not_be_the_whole_secret(org: Organization) -> None:
    secret = foreign()[:16]
    answer = send(org.client, row(secret, prefix=secret[:12], last4=secret[12:]))
    assert list(answer.data["keys"][0]["problems"]) == ["keys[0].prefix"]


def test_a_field_of_the_wrong_type_is_named_and_nothing_is_imported(org: Organization) -> None:
    before = total(org)
    for fields, path in (
        ({"name": 5}, "keys[1].name"),
        ({"permissions": {"mcps": 5}}, "keys[1].permissions.mcps"),
        ({"unknown": "x"}, "keys[1].unknown"),
        ({"sha256": None}, "keys[1].sha256"),
        ({"metadata": {"a": 1}}, "keys[1].metadata[...]"),
    ):
        refused = send(org.client, row(), row(**fields))
        assert (refused.status, list(refused.details)) == (422, [path])
    assert send(org.client, row(), 5).details == {"keys[1]": "Must be an object, not a whole number"}
    assert total(org) == before


@pytest.mark.parametrize("number", [0, 1_001])
def test_a_request_has_1_to_1000_keys(refused_org: Organization, number: int) -> None:
    refused = send(refused_org.client, *[row() for _ in range(number)])
    assert (refused.status, refused.details) == (422, {"keys": "Must have 1 to 1000 keys"})


def test_a_body_above_the_limit_is_refused(refused_org: Organization) -> None:
    assert send(refused_org.client, *[row(description="x" * 500) for _ in range(2_000)]).status == 413


def test_a_thousand_keys_are_imported_in_seconds_while_others_are_verified(
    org: Organization, record_property: Callable[[str, object], None]
) -> None:
    key = org.key()
    rows = [row(name=f"Key {number}", permissions={"mcps": "*"}) for number in range(1_000)]
    with ThreadPoolExecutor() as pool:
        started = time.monotonic()
        importing = pool.submit(lambda: send(org.client, *rows))
        slowest = 0.0
        while not importing.done():
            asked = time.monotonic()
            assert org.verify(key.secret)["valid"]
            slowest = max(slowest, time.monotonic() - asked)
        took = time.monotonic() - started
    assert counts(importing.result()) == {"created": 1_000}
    assert took < 20, "a busy machine included"
    assert slowest < took / 2
    record_property("import", f"1,000 keys in {took:.1f} s, slowest verification {slowest * 1000:.0f} ms")


@pytest.mark.parametrize("spelling", ["hexadecimal", "base64", "base64url", "base64url without padding"])
def test_a_digest_may_have_every_common_spelling(org: Organization, spelling: str) -> None:
    secret = foreign()
    digest = sha256(secret.encode()).digest()
    spelled = {
        "hexadecimal": digest.hex().upper(),
        "base64": base64.b64encode(digest).decode(),
        "base64url": base64.urlsafe_b64encode(digest).decode(),
        "base64url without padding": base64.urlsafe_b64encode(digest).decode().rstrip("="),
    }[spelling]
    assert counts(send(org.client, row(sha256=spelled))) == {"created": 1}
    assert org.verify(secret)["valid"]
    assert counts(send(org.client, row(secret))) == {"exists": 1}


def test_equal_digests_in_one_request_are_duplicates(org: Organization) -> None:
    secret = foreign()
    answer = send(org.client, row(secret, name=""), row(secret, name="A"), row(secret, name="B"))
    assert [key["outcome"] for key in answer.data["keys"]] == ["invalid", "created", "duplicate"]


def test_a_secret_of_another_organization_is_a_neutral_conflict(api: Api, org: Organization) -> None:
    other = api.organization()
    key_id, secret = imported(other)
    native = other.key()
    answer = send(org.client, row(secret), row(native.secret), row())
    assert [key["outcome"] for key in answer.data["keys"]] == ["conflict", "conflict", "created"]
    conflicts = answer.data["keys"][:2]
    for index, conflict in enumerate(conflicts):
        assert conflict["problems"] == {
            f"keys[{index}].sha256": "This secret cannot be imported. Create a new key for its holder instead."
        }
    assert other.id not in answer.content.decode()
    assert key_id not in answer.content.decode()


def test_a_secret_belongs_for_good_to_the_first_organization(api: Api, org: Organization) -> None:
    """As docs/moving-in.md states. A dry run claims nothing."""
    first, secret = api.organization(), foreign()
    assert counts(send(org.client, row(secret), dry_run=True)) == {"would_create": 1}
    key_id, _ = imported(first, secret)
    first.client.delete(f"/v1/api-keys/{key_id}")
    assert counts(send(org.client, row(secret))) == {"conflict": 1}


def test_a_dry_run_does_not_tell_which_secrets_other_keys_have(api: Api, org: Organization) -> None:
    """Neither those of other organizations, nor those of keys that the caller cannot see."""
    member = person(api, org.id, "member").client
    (_, elsewhere), (_, of_colleague) = imported(api.organization()), imported(org)
    for client, secret in ((org.client, elsewhere), (member, of_colleague)):
        taken, unknown = send(client, row(secret), dry_run=True), send(client, row(), dry_run=True)
        assert taken.data == unknown.data
        assert counts(taken) == {"would_create": 1}
        assert counts(send(client, row(secret))) == {"conflict": 1}


def test_a_secret_of_an_existing_key_exists(org: Organization) -> None:
    key = org.key()
    rotated = org.client.post(f"{key.path}/rotate").data["key"]
    for secret in (key.secret, rotated):
        (outcome,) = send(org.client, row(secret)).data["keys"]
        assert (outcome["outcome"], outcome["key_id"]) == ("exists", key.id)


def test_a_revoked_key_is_not_revived(org: Organization) -> None:
    key_id, secret = imported(org)
    org.client.delete(f"/v1/api-keys/{key_id}")
    (outcome,) = send(org.client, row(secret)).data["keys"]
    assert (outcome["outcome"], outcome["key_id"], outcome["status"]) == ("exists", key_id, "revoked")
    assert org.verify(secret)["code"] == "revoked_key"


def test_a_key_that_exists_is_reported_with_its_status_and_unchanged(org: Organization) -> None:
    (active_id, active), (disabled_id, disabled) = imported(org), imported(org)
    org.client.post(f"/v1/api-keys/{disabled_id}/disable")
    for dry_run in (True, False):
        answer = send(org.client, row(active, name="Other"), row(disabled), row(), dry_run=dry_run)
        assert [key.get("status") for key in answer.data["keys"]] == ["active", "disabled", None]
    assert org.client.get(f"/v1/api-keys/{active_id}").data["name"] == "Old key"
    assert org.verify(disabled)["code"] == "disabled_key"


def test_a_colleagues_key_is_a_conflict_for_a_member(api: Api, org: Organization) -> None:
    """A member sees only their own keys."""
    member = person(api, org.id, "member").client
    _, secret = imported(org)
    mine = row()
    answer = send(member, row(secret), mine)
    assert [key["outcome"] for key in answer.data["keys"]] == ["conflict", "created"]
    assert "key_id" not in answer.data["keys"][0]
    assert counts(send(member, mine)) == {"exists": 1}


def test_the_plans_limit_holds_for_all_keys_together(api: Api) -> None:
    org = api.organization("pro")
    for dry_run in (True, False):
        refused = send(org.client, *[row() for _ in range(10)], dry_run=dry_run)
        created = {} if dry_run else {"created": 0}
        details = {"limit": 10, "used": 1, "plan": "pro", **created}
        assert (refused.code, refused.details) == ("key_limit_reached", details)
    assert total(org) == 1
    assert counts(send(org.client, *[row() for _ in range(9)])) == {"created": 9}


def test_a_limit_that_is_reached_in_the_meantime_tells_how_many_keys_were_created(start_api: StartApi) -> None:
    org = start_api(KEYLEDGER_PLANS='{"pro": {"api_keys": 700}}').organization("pro")
    with ThreadPoolExecutor() as pool:
        importing = pool.submit(lambda: send(org.client, *[row() for _ in range(699)]))
        while total(org) < 50:
            time.sleep(0.02)
        assert org.client.post("/v1/api-keys", {"name": "Another"}).status == 201
        refused = importing.result()
    assert refused.code == "key_limit_reached"
    assert 50 <= refused.details["created"] < 699
    assert refused.details["created"] == total(org) - 2
    before = send(org.client, *[row() for _ in range(700)])
    assert (before.code, before.details["created"]) == ("key_limit_reached", 0)


def test_concurrent_imports_never_exceed_the_limit(api: Api) -> None:
    org = api.organization("pro")
    answers = concurrently(range(8), lambda _: send(org.client, *[row() for _ in range(4)]))
    assert sum(answer.data["created"] for answer in answers if answer.status == 200) == 8
    assert total(org) == 9


def test_a_key_cannot_import_keys_beyond_its_own_permissions(org: Organization) -> None:
    mcp_id = org.mcp()
    narrow = org.key(permissions={"mcps": [mcp_id], "manage": ["keys:write"]})
    answer = send(narrow.client, row(permissions={"mcps": "*"}), row(permissions={"mcps": [mcp_id]}))
    assert counts(answer) == {"created": 1, "invalid": 1}
    assert list(answer.data["keys"][0]["problems"]) == ["keys[0].permissions"]


def test_what_exceeds_the_callers_authority_is_named_by_its_field(org: Organization) -> None:
    narrow = org.key(
        permissions={"mcps": [], "manage": ["keys:write"]},
        expires_at="2090-01-01T00:00:00Z",
        allowed_ips=["127.0.0.0/8", "::1/128"],
    )
    fitting = {"expires_at": "2089-01-01T00:00:00Z", "allowed_ips": ["127.0.0.1"]}
    answer = send(
        narrow.client,
        row(**fitting),
        row(**{**fitting, "expires_at": "2091-01-01T00:00:00Z"}),
        row(**{**fitting, "allowed_ips": ["10.0.0.0/8"]}),
        row(**fitting, environment="test"),
        row(**fitting, permissions={"mcps": "*"}),
        dry_run=True,
    )
    problems = {name: text for key in answer.data["keys"] for name, text in key.get("problems", {}).items()}
    assert problems == {
        "keys[1].expires_at": "Must not be later than the caller's own expiry",
        "keys[2].allowed_ips": "Must be a subset of the caller's own allowed_ips",
        "keys[3].environment": "Must be live, like the caller's own key",
        "keys[4].permissions": "Must not contain MCP servers or tools that the caller cannot use",
    }


def test_concurrent_imports_of_the_same_keys_create_each_once(api: Api, org: Organization) -> None:
    rows = [row(name=f"Key {number}") for number in range(150)]
    answers = concurrently(range(6), lambda number: send(org.client, *(rows if number % 2 else rows[::-1])))
    assert {answer.status for answer in answers} == {200}
    assert sum(answer.data["created"] for answer in answers) == 150
    assert sum(answer.data["exists"] for answer in answers) == 5 * 150
    assert total(org) == 151


def test_two_organizations_that_import_the_same_keys_share_them_out(api: Api, org: Organization) -> None:
    other = api.organization()
    rows = [row(name=f"Key {number}") for number in range(200)]
    answers = concurrently([org, other, org, other], lambda each: send(each.client, *rows))
    assert {answer.status for answer in answers} == {200}
    assert total(org) + total(other) == 202
    first = {org.id: 0, other.id: 0}
    for each, answer in zip([org, other, org, other], answers, strict=True):
        first[each.id] += answer.data["created"]
    assert sum(first.values()) == 200


def test_a_repeated_idempotency_key_returns_the_first_response(org: Organization) -> None:
    rows = [row(), row(name="")]
    first = send(org.client, *rows, idempotency_key="import-1")
    again = send(org.client, *rows, idempotency_key="import-1")
    assert again.headers["idempotency-replayed"] == "true"
    assert again.content == first.content
    other = send(org.client, row(), idempotency_key="import-1")
    assert other.code == "idempotency_mismatch"


def test_rotating_an_imported_key_gives_an_ordinary_secret_with_overlap(org: Organization) -> None:
    key_id, secret = imported(org, prefix="acme_")
    rotated = org.client.post(f"/v1/api-keys/{key_id}/rotate", {"overlap_seconds": 60}).data
    assert rotated["key"].startswith("pk_live_")
    assert (rotated["imported"], rotated["prefix"][:8]) == (False, "pk_live_")
    assert org.verify(secret)["valid"]
    assert org.verify(rotated["key"])["valid"]
    org.client.post(f"/v1/api-keys/{key_id}/end-secrets")
    assert org.verify(secret)["code"] == "revoked_key"


def test_the_first_use_of_the_new_secret_ends_the_imported_one(org: Organization) -> None:
    key_id, secret = imported(org)
    rotated = org.client.post(f"/v1/api-keys/{key_id}/rotate").data
    assert org.verify(secret)["valid"]
    assert org.verify(rotated["key"])["valid"]
    assert org.verify(secret)["code"] == "revoked_key"


def test_a_revoked_imported_key_is_refused_immediately(api: Api, org: Organization) -> None:
    key_id, secret = imported(org)
    assert org.verify(secret)["valid"]
    org.client.delete(f"/v1/api-keys/{key_id}")
    assert org.verify(secret)["code"] == "revoked_key"
    refused = api.client(secret).get(f"/v1/auth/check?organization_id={org.id}")
    assert (refused.status, refused.code) == (401, "revoked_key")


def test_an_imported_key_manages_only_after_its_imported_secret_has_ended(api: Api, org: Organization) -> None:
    managing = {"mcps": [], "manage": ["keys:read", "keys:write"]}
    (refused,) = send(org.client, row(permissions=managing), dry_run=True).data["keys"]
    assert list(refused["problems"]) == ["keys[0].permissions.manage"]
    assert "create or rotate a key for management" in refused["problems"]["keys[0].permissions.manage"]
    key_id, secret = imported(org)
    path = f"/v1/api-keys/{key_id}"
    refused = org.client.patch(path, {"permissions": managing})
    assert (refused.status, list(refused.details)) == (422, ["permissions.manage"])
    rotated = org.client.post(f"{path}/rotate", {"overlap_seconds": 0}).data["key"]
    assert org.client.patch(path, {"permissions": managing}).status == 200
    assert api.client(rotated).post("/v1/api-keys", {"name": "Made by a rotated key"}).status == 201
    assert api.client(secret).get("/v1/api-keys").status == 401


def test_the_log_stores_the_digest_and_shows_it_to_nobody(api: Api, org: Organization) -> None:
    key_id, secret = imported(org)
    ((body,),) = api.database.rows("select convert_from(body, 'UTF8') from events where stream_id = %s", key_id)
    digest = sha256(secret.encode()).hexdigest()
    assert digest in body
    assert '"imported":true' in body
    (event,) = org.client.get("/v1/audit/events", {"resource": key_id}).data
    assert event["data"]["imported"] is True
    assert digest not in str(event)


def test_the_checks_of_the_log_accept_imported_keys(start_api: StartApi) -> None:
    """Rotated, revoked and expired keys, and keys without the parts that are shown."""
    api = start_api()  # other tests write into the read models of theirs
    org = api.organization()
    ids = [imported(org, name=name, prefix=prefix)[0] for name, prefix in (("A", ""), ("B", "acme_"), ("C", ""))]
    org.client.post(f"/v1/api-keys/{ids[0]}/rotate", {"overlap_seconds": 60})
    org.client.delete(f"/v1/api-keys/{ids[1]}")
    org.client.patch(f"/v1/api-keys/{ids[2]}", {"name": "D", "description": "Changed"})
    for module, command in (("eventstore", "check"), ("projections", "verify")):
        ran = subprocess.run(
            [sys.executable, "-m", module, command],
            env={**os.environ, "DATABASE_URL": api.server.database_url},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_no_text_of_a_key_contains_the_secret_of_an_imported_key(api: Api, org: Organization) -> None:
    """When keys are created, changed and imported. Secrets of other organizations are not compared."""
    key, (_, secret), (ended_id, ended) = org.key(), imported(org), imported(org)
    org.client.delete(f"/v1/api-keys/{ended_id}")
    refusal = "Contains the secret of an imported key; remove it: what is written here is kept permanently"
    for fields, path in (
        ({"name": secret}, "name"),
        ({"description": f"The token {ended} of the gateway"}, "description"),
        ({"metadata": {"token": secret}}, "metadata.token"),
        ({"metadata": {secret[:60]: "x"}}, "metadata"),
    ):
        created, changed = (
            org.client.post("/v1/api-keys", {"name": "New", **fields}),
            org.client.patch(key.path, fields),
        )
        for refused in (created, changed):
            assert (refused.status, refused.details) == (422, {path: refusal})
        for dry_run in (True, False):
            (outcome,) = send(org.client, row(**fields), dry_run=dry_run).data["keys"]
            assert outcome["problems"] == {f"keys[0].{path}": refusal}
    assert org.client.patch(key.path, {"description": f"Not a secret: {foreign()}"}).status == 200
    assert api.organization().client.post("/v1/api-keys", {"name": "N", "description": secret}).status == 201


@pytest.mark.anyio
async def test_other_requests_run_between_the_decisions_on_many_keys() -> None:
    async def others() -> int:
        turns = 0
        while not decided:
            turns += 1
            await asyncio.sleep(0)
        return turns

    decided: list[int] = []
    waiting = asyncio.create_task(others())
    items = [item async for item in with_pauses(range(1_000))]
    decided.extend(items)
    assert items == list(range(1_000))
    assert await waiting >= 1_000 // PAUSE_EVERY
