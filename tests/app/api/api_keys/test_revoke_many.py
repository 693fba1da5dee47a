"""POST /v1/api-keys/revoke"""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from domain.actor import KeyActor, UserActor
from domain.keys.permissions import Permissions
from eventstore.clock import new_id, now
from tests.app.client import Answer, at_once
from tests.app.organizations import Api, Key, Organization

PATH = "/v1/api-keys/revoke"


def revoke(org: Organization, **selectors: object) -> Any:  # noqa: ANN401 -- JSON
    return asked(org, **selectors).data


def asked(org: Organization, **selectors: object) -> Answer:
    return org.client.post(PATH, {"reason": "compromised", "dry_run": False, **selectors})


def statuses(org: Organization, *keys: Key) -> list[str]:
    return [org.detail(key)["status"] for key in keys]


def test_the_named_keys_are_revoked_at_once_and_the_others_are_not(api: Api, org: Organization) -> None:
    first, second, other = (org.key(name=name) for name in ("a", "b", "c"))
    answer = revoke(org, ids=[second.id, first.id])
    detail = org.detail(first)
    assert answer == {
        "matched": 2,
        "revoked": 2,
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
    assert org.activity(first)[1]["actor"] == {"type": "api_key", "id": org.manager.id}


@pytest.mark.parametrize("given", [{}, {"dry_run": True}])
def test_nothing_is_revoked_unless_it_is_said_that_this_is_no_dry_run(
    org: Organization, given: dict[str, bool]
) -> None:
    key = org.key()
    answer = org.client.post(PATH, {"ids": [key.id], "reason": "compromised", **given}).data
    assert (answer["matched"], answer["revoked"]) == (1, 0)
    assert [(shown["id"], shown["status"]) for shown in answer["keys"]] == [(key.id, "active")]
    assert statuses(org, key) == ["active"]


def test_a_dry_run_matches_what_would_be_revoked(org: Organization) -> None:
    for _ in range(3):
        org.key()
    dry = revoke(org, created_by=org.manager.id, dry_run=True)
    wet = revoke(org, created_by=org.manager.id)
    assert dry["matched"] == wet["matched"] == wet["revoked"] == 3
    assert [key["id"] for key in dry["keys"]] == [key["id"] for key in wet["keys"]]


def test_by_who_made_them(org: Organization) -> None:
    person = UserActor(new_id("user"))
    theirs, others = org.seeded_key(by=person), org.key()
    assert revoke(org, created_by=person.id)["revoked"] == 1
    assert statuses(org, theirs, others) == ["revoked", "active"]


def test_by_the_mcp_that_they_reach(org: Organization) -> None:
    mcp_id, other = org.mcp(), org.mcp()
    listed, elsewhere = org.key(permissions={"mcps": [mcp_id]}), org.key(permissions={"mcps": [other]})
    everywhere = org.key(permissions={"mcps": "*"})
    assert revoke(org, mcp_id=mcp_id, created_by=org.manager.id)["revoked"] == 2
    assert statuses(org, listed, elsewhere, everywhere) == ["revoked", "active", "revoked"]


def test_by_when_they_were_made(org: Organization) -> None:
    at = now()
    old, new = org.seeded_key(at=at - timedelta(days=2)), org.key()
    assert revoke(org, created_before=(at - timedelta(days=1)).isoformat())["revoked"] == 1
    assert statuses(org, old, new) == ["revoked", "active"]


def test_a_key_has_to_fit_every_selector(org: Organization) -> None:
    mcp_id = org.mcp()
    both, one = org.key(permissions={"mcps": [mcp_id]}), org.key()
    assert revoke(org, ids=[both.id, one.id], mcp_id=mcp_id)["matched"] == 1
    assert statuses(org, both, one) == ["revoked", "active"]


def test_disabled_and_expired_keys_are_revoked_too_and_revoked_ones_do_not_match(org: Organization) -> None:
    disabled, expired, revoked = org.key(), org.expired_key(), org.key()
    org.client.post(f"{disabled.path}/disable")
    org.client.delete(revoked.path, {"reason": "superseded"})
    answer = revoke(org, ids=[disabled.id, expired.id, revoked.id])
    assert (answer["matched"], answer["revoked"]) == (2, 2)
    assert statuses(org, disabled, expired) == ["revoked", "revoked"]
    assert org.detail(revoked)["revoked_reason"] == "superseded"


def test_a_repeat_finds_nothing_left(org: Organization) -> None:
    ids = [org.key().id, org.key().id]
    assert [revoke(org, ids=ids)["revoked"], revoke(org, ids=ids)["matched"]] == [2, 0]


def test_keys_of_another_organization_do_not_match(api: Api, org: Organization) -> None:
    foreign = api.organization()
    theirs = foreign.key()
    mcp_id = foreign.mcp()
    assert revoke(org, ids=[theirs.id]) == {"matched": 0, "revoked": 0, "keys": []}
    assert revoke(org, created_by=foreign.manager.id)["matched"] == 0
    assert revoke(org, mcp_id=mcp_id, ids=[theirs.id])["matched"] == 0
    assert statuses(foreign, theirs) == ["active"]


def test_the_own_key_comes_last_and_stays_as_the_last_active_one(api: Api, org: Organization) -> None:
    key = org.key()
    answer = revoke(org, created_before=(now() + timedelta(minutes=1)).isoformat())
    assert (answer["matched"], answer["revoked"]) == (2, 1)
    assert [(shown["id"], shown["status"]) for shown in answer["keys"]] == [
        (key.id, "revoked"),
        (org.manager.id, "active"),
    ]
    assert statuses(org, org.manager, key) == ["active", "revoked"]
    assert api.events_of(org.manager.id) == ["api_key.created"]


def test_a_key_past_its_expiry_does_not_let_the_own_one_go(org: Organization) -> None:
    expired = org.expired_key()
    answer = revoke(org, ids=[org.manager.id])
    assert (answer["matched"], answer["revoked"], answer["keys"][0]["status"]) == (1, 0, "active")
    assert statuses(org, expired) == ["expired"]


def test_the_own_key_is_revoked_while_another_is_active(org: Organization) -> None:
    org.key()
    answer = revoke(org, ids=[org.manager.id])
    assert (answer["revoked"], answer["keys"][0]["status"]) == (1, "revoked")
    assert org.client.get("/v1/api-keys").code == "revoked_key"


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
        ({"ids": ["key_" + "0" * 26], "reason": "because"}, "reason"),
        ({"ids": ["key_" + "0" * 26], "dry_run": "false"}, "dry_run"),
        ({"ids": ["key_" + "0" * 26], "dry_run": None}, "dry_run"),
        ({"ids": ["key_" + "0" * 26], "note": "x"}, "note"),
        ({"status": "active"}, "status"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_revoked(org: Organization, body: dict[str, object], field: str) -> None:
    key = org.key()
    refused = asked(org, **body)
    assert (refused.status, refused.code) == (422, "validation_error")
    assert set(refused.details) == {field}
    assert statuses(org, key) == ["active"]


def test_a_reason_is_required(org: Organization) -> None:
    refused = org.client.post(PATH, {"ids": ["key_" + "0" * 26]})
    assert refused.details == {"reason": "Required"}


def test_a_repeat_under_the_same_idempotency_key_gets_the_first_answer(org: Organization) -> None:
    body = {"created_by": org.manager.id, "reason": "superseded", "dry_run": False}
    org.key()
    first = org.client.post(PATH, body, idempotency_key="k")
    later = org.key()
    second = org.client.post(PATH, body, idempotency_key="k")
    assert "idempotency-replayed" not in first.headers
    assert (second.headers["idempotency-replayed"], second.content) == ("true", first.content)
    assert statuses(org, later) == ["active"]
    assert org.client.post(PATH, {**body, "reason": "compromised"}, idempotency_key="k").code == "idempotency_mismatch"


def test_a_dry_run_takes_no_idempotency_key_from_what_follows_it(org: Organization) -> None:
    body = {"ids": [org.key().id], "reason": "superseded"}
    org.client.post(PATH, body, idempotency_key="k")
    assert org.client.post(PATH, {**body, "dry_run": False}, idempotency_key="k").data["revoked"] == 1


def test_a_request_that_still_runs_is_said_to(api: Api, org: Organization) -> None:
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


def test_what_stops_in_the_middle_leaves_a_clean_beginning_and_a_repeat_does_the_rest(
    api: Api, org: Organization
) -> None:
    """Somebody holds the row of one key until the server gives up: what came before it is revoked, nothing after."""
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


def test_more_keys_than_a_page_are_revoked_each_with_one_event(api: Api, org: Organization) -> None:
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


def test_two_at_once_revoke_each_key_once(api: Api, org: Organization) -> None:
    creator = KeyActor(org.manager.id)
    keys = [org.seeded_key(by=creator) for _ in range(30)]
    answers = at_once(range(2), lambda _: revoke(org, created_by=creator.id))
    assert sum(answer["revoked"] for answer in answers) == 30
    assert all(len(api.events_of(key.id)) == 2 for key in keys)
