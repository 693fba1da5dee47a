"""POST /v1/api-keys/revoke"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from domain.actor import KeyActor, UserActor
from domain.keys.permissions import Permissions
from infrastructure.clock import new_id, now
from tests.app.api.usage.usage_data import count
from tests.app.client import Response, concurrently
from tests.app.organizations import Api, Key, Organization
from tests.app.people import person

PATH = "/v1/api-keys/revoke"


def revoke(org: Organization, **selectors: object) -> Any:  # noqa: ANN401 -- JSON
    return request_revocation(org, **selectors).data


def request_revocation(org: Organization, **selectors: object) -> Response:
    return org.client.post(PATH, {"reason": "compromised", "dry_run": False, **selectors})


def statuses(org: Organization, *keys: Key) -> list[str]:
    return [org.detail(key)["status"] for key in keys]


def test_the_listed_keys_are_revoked_immediately_and_other_keys_are_not(api: Api, org: Organization) -> None:
    first, second, other = (org.key(name=name) for name in ("a", "b", "c"))
    answer = revoke(org, ids=[second.id, first.id])
    detail = org.detail(first)
    assert answer == {
        "matched": 2,
        "revoked": 2,
        "caller_excluded": False,
        "keys": [
            {
                "id": key.id,
                "name": name,
                "prefix": key.secret[:12],
                "last4": key.secret[-4:],
                "status": "revoked",
            }
            for key, name in ((first, "a"), (second, "b"))
        ],
    }
    assert (detail["status"], detail["revoked_reason"]) == ("revoked", "compromised")
    assert [org.verify(key.secret)["code"] for key in (first, second, other)] == [
        "revoked_key",
        "revoked_key",
        "valid",
    ]
    assert api.events_of(first.id) == ["api_key.created", "api_key.revoked"]
    assert org.activity(first)[1]["actor"] == {"type": "api_key", "id": org.manager.id, "name": "Manager"}


@pytest.mark.parametrize("extra", [{}, {"dry_run": True}])
def test_a_request_is_a_dry_run_by_default(org: Organization, extra: dict[str, bool]) -> None:
    key = org.key()
    answer = org.client.post(PATH, {"ids": [key.id], "reason": "compromised", **extra}).data
    assert (answer["matched"], answer["revoked"]) == (1, 0)
    assert [(shown["id"], shown["status"]) for shown in answer["keys"]] == [(key.id, "active")]
    assert statuses(org, key) == ["active"]


def test_a_dry_run_shows_the_last_uses_and_counts_what_is_revoked_already(api: Api, org: Organization) -> None:
    used, unused, revoked = org.key(), org.key(), org.key()
    org.client.delete(revoked.path)
    org.verify(used.secret)
    count(api)
    dry = revoke(org, ids=[used.id, unused.id, revoked.id], dry_run=True)
    assert (dry["matched"], dry["already_revoked"]) == (2, 1)
    assert {key["id"]: key["last_used"] for key in dry["keys"]} == {
        used.id: org.detail(used)["last_used"],
        unused.id: None,
    }


def test_a_dry_run_matches_the_keys_that_the_revocation_matches(org: Organization) -> None:
    for _ in range(3):
        org.key()
    dry = revoke(org, created_by=org.manager.id, dry_run=True)
    wet = revoke(org, created_by=org.manager.id)
    assert dry["matched"] == wet["matched"] == wet["revoked"] == 3
    assert [key["id"] for key in dry["keys"]] == [key["id"] for key in wet["keys"]]


def test_keys_are_selected_by_creator(org: Organization) -> None:
    person = UserActor(new_id("user"))
    theirs, others = org.seeded_key(by=person), org.key()
    assert revoke(org, created_by=person.id)["revoked"] == 1
    assert statuses(org, theirs, others) == ["revoked", "active"]


def test_keys_are_selected_by_mcp(org: Organization) -> None:
    mcp_id, other = org.mcp(), org.mcp()
    listed, elsewhere = org.key(permissions={"mcps": [mcp_id]}), org.key(permissions={"mcps": [other]})
    everywhere = org.key(permissions={"mcps": "*"})
    assert revoke(org, mcp_id=mcp_id, created_by=org.manager.id)["revoked"] == 2
    assert statuses(org, listed, elsewhere, everywhere) == ["revoked", "active", "revoked"]


def test_keys_are_selected_by_creation_time(org: Organization) -> None:
    at = now()
    old, new = org.seeded_key(at=at - timedelta(days=2)), org.key()
    assert revoke(org, created_before=(at - timedelta(days=1)).isoformat())["revoked"] == 1
    assert statuses(org, old, new) == ["revoked", "active"]


def test_a_key_must_match_every_selector(org: Organization) -> None:
    mcp_id = org.mcp()
    both, one = org.key(permissions={"mcps": [mcp_id]}), org.key()
    assert revoke(org, ids=[both.id, one.id], mcp_id=mcp_id)["matched"] == 1
    assert statuses(org, both, one) == ["revoked", "active"]


def test_disabled_and_expired_keys_are_revoked_and_revoked_keys_do_not_match(org: Organization) -> None:
    disabled, expired, revoked = org.key(), org.expired_key(), org.key()
    org.client.post(f"{disabled.path}/disable")
    org.client.delete(revoked.path, {"reason": "superseded"})
    answer = revoke(org, ids=[disabled.id, expired.id, revoked.id])
    assert (answer["matched"], answer["revoked"]) == (2, 2)
    assert statuses(org, disabled, expired) == ["revoked", "revoked"]
    assert org.detail(revoked)["revoked_reason"] == "superseded"


def test_a_repeated_revocation_matches_nothing(org: Organization) -> None:
    ids = [org.key().id, org.key().id]
    assert [revoke(org, ids=ids)["revoked"], revoke(org, ids=ids)["matched"]] == [2, 0]


UNKNOWN: list[tuple[str, Callable[[Organization], object]]] = [
    ("ids", lambda other: [other.key().id]),
    ("ids", lambda _: ["key_" + "0" * 26]),
    ("created_by", lambda other: other.manager.id),
    ("created_by", lambda other: person(other.api, other.id).id),
    ("created_by", lambda _: "user_" + "0" * 26),
    ("created_by", lambda _: "key_" + "0" * 26),
    ("mcp_id", lambda other: other.mcp()),
    ("mcp_id", lambda _: "mcp_" + "0" * 26),
]


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize(("selector", "id_of"), UNKNOWN)
def test_a_selector_with_an_id_that_is_not_in_the_organization_is_refused(
    api: Api, org: Organization, selector: str, id_of: Callable[[Organization], object], *, dry_run: bool
) -> None:
    everywhere = org.key(permissions={"mcps": "*"})
    other = api.organization()
    refused = request_revocation(org, dry_run=dry_run, **{selector: id_of(other)})
    assert (refused.status, refused.code, set(refused.details)) == (422, "validation_error", {selector})
    assert statuses(org, org.manager, everywhere) == ["active", "active"]


def test_an_unknown_id_in_a_list_is_named_and_no_key_is_revoked(api: Api, org: Organization) -> None:
    key, foreign = org.key(), api.organization().key()
    refused = request_revocation(org, ids=[key.id, foreign.id])
    assert (refused.status, foreign.id in refused.details["ids"], key.id in refused.details["ids"]) == (
        422,
        True,
        False,
    )
    assert statuses(org, key) == ["active"]


def test_a_deleted_mcp_is_refused_as_a_selector_and_matches_no_listed_key(org: Organization) -> None:
    mcp_id = org.mcp()
    everywhere, listed = org.key(permissions={"mcps": "*"}), org.key(permissions={"mcps": [mcp_id]})
    assert len(org.client.get("/v1/api-keys", {"mcp_id": mcp_id}).data) == 3
    org.client.delete(f"/v1/mcps/{mcp_id}")
    assert request_revocation(org, mcp_id=mcp_id).status == 422
    listing = org.client.get("/v1/api-keys", {"mcp_id": mcp_id})
    assert (listing.data, listing.json["pagination"]["total"]) == ([], 0)
    assert statuses(org, everywhere, listed, org.manager) == ["active"] * 3


@pytest.mark.parametrize("mcp_id", ["mcp_" + "0" * 26, "*", "x", ""])
def test_an_unknown_mcp_matches_no_listed_key(org: Organization, mcp_id: str) -> None:
    org.key(permissions={"mcps": "*"})
    for query in ({}, {"status": "active"}, {"q": "Deploy"}, {"created_by": org.manager.id}):
        listing = org.client.get("/v1/api-keys", {"mcp_id": mcp_id, **query})
        assert (listing.data, listing.json["pagination"]["total"]) == ([], 0)


def test_a_key_for_all_mcps_matches_only_mcps_of_its_environment(org: Organization) -> None:
    """As in verification, "*" covers only the key's environment. An MCP listed by id may belong to the other one."""
    live, test = org.mcp(), org.mcp(environment="test")
    fits = {
        live: {org.manager.id, org.key(permissions={"mcps": "*"}).id},
        test: {
            org.seeded_key(environment="test", permissions=Permissions(mcps="*")).id,
            org.seeded_key(permissions=Permissions(mcps=(test,)), known_mcps={test: "test"}).id,
        },
    }
    for mcp_id, expected in fits.items():
        for query in ({}, {"status": "active"}, {"q": "e"}):
            listing = org.client.get("/v1/api-keys", {"mcp_id": mcp_id, **query})
            narrowed = expected if "q" not in query else {key["id"] for key in listing.data}
            assert {key["id"] for key in listing.data} == narrowed <= expected
            assert listing.json["pagination"]["total"] == len(narrowed)
        dry = revoke(org, mcp_id=mcp_id, dry_run=True, include_caller=True)
        assert {key["id"] for key in dry["keys"]} == expected
        assert org.verify(org.manager.secret, mcp_id=mcp_id)["valid"] is (org.manager.id in expected)


@pytest.mark.parametrize("dry_run", [True, False])
def test_the_calling_key_is_excluded_and_the_response_reports_it(org: Organization, *, dry_run: bool) -> None:
    mcp_id, other = org.mcp(), org.key()
    everywhere = org.key(permissions={"mcps": "*"})
    selectors = ({"mcp_id": mcp_id}, {"created_before": now().isoformat()}, {"ids": [org.manager.id]})
    answers = [revoke(org, dry_run=dry_run, **selector) for selector in selectors]
    assert [answer["caller_excluded"] for answer in answers] == [True] * 3
    assert [org.manager.id in {key["id"] for key in answer["keys"]} for answer in answers] == [False] * 3
    nothing: dict[str, object] = {"matched": 0, "revoked": 0, "caller_excluded": True, "keys": []}
    assert answers[2] == (nothing | {"already_revoked": 0} if dry_run else nothing)
    assert statuses(org, org.manager) == ["active"]
    assert statuses(org, other, everywhere) == (["active"] * 2 if dry_run else ["revoked"] * 2)


def test_a_caller_that_matches_no_selector_is_not_reported_as_excluded(api: Api, org: Organization) -> None:
    assert revoke(org, ids=[org.key().id])["caller_excluded"] is False
    assert revoke(org, created_by=org.key().id)["caller_excluded"] is False
    assert revoke(org, created_before="2000-01-01T00:00:00Z")["caller_excluded"] is False
    admin = person(api, org.id, "admin").client
    body = {"created_before": now().isoformat(), "reason": "compromised", "dry_run": True}
    assert admin.post(PATH, body).data["caller_excluded"] is False


def test_the_calling_key_comes_last_and_stays_active_as_the_last_active_key(api: Api, org: Organization) -> None:
    key = org.key()
    answer = revoke(org, created_before=now().isoformat(), include_caller=True)
    assert (answer["matched"], answer["revoked"], answer["caller_excluded"]) == (2, 1, False)
    assert [(shown["id"], shown["status"]) for shown in answer["keys"]] == [
        (key.id, "revoked"),
        (org.manager.id, "active"),
    ]
    assert statuses(org, org.manager, key) == ["active", "revoked"]
    assert api.events_of(org.manager.id) == ["api_key.created"]


def test_the_calling_key_is_not_revoked_if_the_only_other_key_is_expired(org: Organization) -> None:
    expired = org.expired_key()
    answer = revoke(org, ids=[org.manager.id], include_caller=True)
    assert (answer["matched"], answer["revoked"], answer["keys"][0]["status"]) == (1, 0, "active")
    assert statuses(org, expired) == ["expired"]


def test_the_calling_key_is_revoked_while_another_key_is_active(org: Organization) -> None:
    org.key()
    answer = revoke(org, ids=[org.manager.id], include_caller=True)
    assert (answer["revoked"], answer["keys"][0]["status"]) == (1, "revoked")
    assert org.client.get("/v1/api-keys").code == "revoked_key"


def test_a_removed_member_can_still_be_a_selector(api: Api, org: Organization) -> None:
    left = person(api, org.id, "member")
    org.client.delete(f"/v1/organization/members/{left.id}")
    assert revoke(org, created_by=left.id)["matched"] == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "ids"),
        ({"ids": []}, "ids"),
        ({"ids": ["key_1"]}, "ids"),
        ({"ids": ["key_" + "0" * 26, "\0"]}, "ids"),
        ({"ids": ["key_" + "0" * 26] * 10_001}, "ids"),
        ({"ids": None}, "ids"),
        ({"ids": [None]}, "ids[0]"),
        ({"created_by": ""}, "created_by"),
        ({"created_by": "org_" + "0" * 26}, "created_by"),
        ({"created_by": None}, "created_by"),
        ({"mcp_id": "*"}, "mcp_id"),
        ({"created_before": "yesterday"}, "created_before"),
        ({"created_before": "2026-01-01T00:00:00"}, "created_before"),
        ({"created_before": (now() + timedelta(hours=1)).isoformat()}, "created_before"),
        ({"created_before": "9000-01-01T00:00:00Z"}, "created_before"),
        ({"created_before": None}, "created_before"),
        ({"mcp_id": None}, "mcp_id"),
        ({"mcp_id": ""}, "mcp_id"),
        ({"include_caller": True}, "ids"),
        ({"ids": ["key_" + "0" * 26], "include_caller": "true"}, "include_caller"),
        ({"ids": ["key_" + "0" * 26], "include_caller": None}, "include_caller"),
        ({"ids": ["key_" + "0" * 26], "reason": "because"}, "reason"),
        ({"ids": ["key_" + "0" * 26], "dry_run": "false"}, "dry_run"),
        ({"ids": ["key_" + "0" * 26], "dry_run": None}, "dry_run"),
        ({"ids": ["key_" + "0" * 26], "note": "x"}, "note"),
        ({"status": "active"}, "status"),
    ],
)
def test_an_invalid_field_is_named_and_no_key_is_revoked(
    org: Organization, body: dict[str, object], field: str
) -> None:
    key = org.key()
    refused = request_revocation(org, **body)
    assert (refused.status, refused.code) == (422, "validation_error")
    assert set(refused.details) == {field}
    assert statuses(org, key) == ["active"]


def test_a_reason_is_required(org: Organization) -> None:
    refused = org.client.post(PATH, {"ids": ["key_" + "0" * 26]})
    assert refused.details == {"reason": "Required"}


def test_a_repeated_request_with_the_same_idempotency_key_gets_the_first_response(org: Organization) -> None:
    body = {"created_by": org.manager.id, "reason": "superseded", "dry_run": False}
    org.key()
    first = org.client.post(PATH, body, idempotency_key="k")
    later = org.key()
    second = org.client.post(PATH, body, idempotency_key="k")
    assert "idempotency-replayed" not in first.headers
    assert (second.headers["idempotency-replayed"], second.content) == ("true", first.content)
    assert statuses(org, later) == ["active"]
    assert org.client.post(PATH, {**body, "reason": "compromised"}, idempotency_key="k").code == "idempotency_mismatch"


def test_a_dry_run_does_not_use_up_its_idempotency_key(org: Organization) -> None:
    body = {"ids": [org.key().id], "reason": "superseded"}
    org.client.post(PATH, body, idempotency_key="k")
    assert org.client.post(PATH, {**body, "dry_run": False}, idempotency_key="k").data["revoked"] == 1


def test_a_repeated_request_is_refused_while_the_first_is_running(api: Api, org: Organization) -> None:
    body = {"ids": [org.key().id], "reason": "superseded", "dry_run": False}
    waiting = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    with psycopg.connect(api.database.url) as holder, ThreadPoolExecutor(1) as threads:
        holder.execute("select 1 from organization_guard where organization_id = %s for update", (org.id,))
        running = threads.submit(lambda: org.client.post(PATH, body, idempotency_key="k"))
        while not running.done() and not api.database.rows(waiting):
            pass
        repeated = org.client.post(PATH, body, idempotency_key="k")
        holder.rollback()
    assert (repeated.status, repeated.code) == (409, "idempotency_in_flight")
    assert running.result().data["revoked"] == 1


def test_an_interrupted_revocation_keeps_its_progress_and_a_repeated_request_completes_it(
    api: Api, org: Organization
) -> None:
    """A lock on one key's row makes the server give up: earlier keys are revoked, later keys are not."""
    keys = [org.key() for _ in range(4)]
    body = {"ids": [key.id for key in keys], "reason": "compromised", "dry_run": False}
    with psycopg.connect(api.database.url) as holder:
        holder.execute("select 1 from key_state where key_id = %s for update", (keys[2].id,))
        refused = org.client.post(PATH, body, idempotency_key="k")
        holder.rollback()
    assert (refused.status, refused.code) == (503, "unavailable")
    assert statuses(org, *keys) == ["revoked", "revoked", "active", "active"]
    again = org.client.post(PATH, body, idempotency_key="k")
    assert (again.data["matched"], again.data["revoked"]) == (2, 2)
    assert statuses(org, *keys) == ["revoked"] * 4


def test_a_change_of_the_calling_key_stops_a_revocation_with_an_unknown_outcome(api: Api, org: Organization) -> None:
    keys = [org.seeded_key() for _ in range(150)]
    caller = org.key(permissions={"mcps": "*", "manage": ["keys:read", "keys:write"]})
    body = {"ids": [key.id for key in keys], "reason": "compromised", "dry_run": False}
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(lambda: caller.client.post(PATH, body))
        while not running.done() and "api_key.revoked" not in api.events_of(keys[0].id):
            pass
        assert org.client.patch(caller.path, {"name": "Other"}).status == 200
    stopped = running.result()
    assert (stopped.status, stopped.code, stopped.details["outcome"]) == (503, "unavailable", "unknown")
    assert "Retry the request to complete it" in stopped.error["message"]
    assert caller.client.post(PATH, body).status == 200
    assert statuses(org, keys[0], keys[-1]) == ["revoked"] * 2


def test_more_keys_than_one_page_are_revoked_with_one_event_each(api: Api, org: Organization) -> None:
    person = UserActor(new_id("user"))
    count = 1_100
    for _ in range(count):
        api.database.key(org.id, by=person, permissions=Permissions(mcps="*"))
    began = time.monotonic()
    answer = revoke(org, created_by=person.id)
    assert (seconds := time.monotonic() - began) < 60, seconds
    assert (answer["matched"], answer["revoked"], len(answer["keys"])) == (count, count, 1_000)
    assert len({key["id"] for key in answer["keys"]}) == 1_000
    events = api.database.rows(
        "select count(*), count(distinct stream_id) from events where organization_id = %s and type = %s",
        org.id,
        "api_key.revoked",
    )
    assert events == [(count, count)]
    assert revoke(org, created_by=person.id, dry_run=True)["matched"] == 0


def test_two_concurrent_revocations_revoke_each_key_once(api: Api, org: Organization) -> None:
    creator = KeyActor(org.manager.id)
    keys = [org.seeded_key(by=creator) for _ in range(30)]
    answers = concurrently(range(2), lambda _: revoke(org, created_by=creator.id))
    assert sum(answer["revoked"] for answer in answers) == 30
    assert all(len(api.events_of(key.id)) == 2 for key in keys)
