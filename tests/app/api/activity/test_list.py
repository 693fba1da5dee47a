"""GET /v1/activity: the uses of all keys of an organization."""

from datetime import timedelta
from typing import Any

import pytest

from infrastructure.clock import new_event_id, new_id, now
from infrastructure.database.tenant import read_transaction
from projections.log_queries.activity.organization import (
    FIRST_SCAN,
    UNLISTED_MAX,
    OrganizationSpan,
    organization_tail_from,
)
from projections.log_queries.activity.queries import SCAN_MAX
from projections.log_queries.activity.tail import Tail
from projections.read_models.usage.organization_batches.apply import ORGANIZATION_BATCHES
from tests.app.api.usage.usage_data import count
from tests.app.api.usage.usage_data import record as record_uses
from tests.app.organizations import Api, Organization, unknown_secret
from tests.app.people import person
from tests.app.recorded_uses import record, uses
from tests.projections.usage.uses import completed, used

PATH = "/v1/activity"


def _ids(found: Any) -> list[str]:  # noqa: ANN401 -- a response
    return [entry["id"] for entry in found.data]


def _pages(org: Organization, **params: object) -> list[str]:
    """Return the ids on all pages."""
    answer = org.client.get(PATH, params)
    ids = _ids(answer)
    while cursor := answer.json["pagination"]["next_cursor"]:
        answer = org.client.get(PATH, {**params, "cursor": cursor})
        ids += _ids(answer)
    return ids


def test_uses_of_all_keys_are_listed_newest_first(api: Api, org: Organization) -> None:
    other = api.organization()
    first, second = org.key(name="First"), org.key(name="Second")
    event_ids: list[str] = []
    for key in (first, second, first):
        event_ids.append(org.verify(key.secret)["event_id"])
        other.verify(other.manager.secret)
    event_ids.append(org.verify(unknown_secret())["event_id"])
    found = [entry for entry in org.client.get(PATH).data if entry["action"] != "manage"]
    assert [entry["id"] for entry in found] == event_ids[::-1]
    names = [entry.get("key", {}).get("name") for entry in found]
    assert names == [None, "First", "Second", "First"]
    assert found[1]["key"]["id"] == first.id
    assert found[1]["actor"] == {"type": "api_key", "id": org.manager.id, "name": "Manager"}
    assert org.client.get(f"{PATH}/{found[0]['id']}").data["code"] == "unauthorized"


@pytest.mark.parametrize("counted", [False, True])
def test_pages_contain_each_use_once_whether_or_not_hours_are_counted(
    api: Api,
    org: Organization,
    counted: bool,  # noqa: FBT001 -- a case
) -> None:
    key, other = org.key(), new_id("key")
    expected: list[str] = []
    at = now() - timedelta(days=2)
    for hours in (0, 1, 7, 7, 30):
        moment = at + timedelta(hours=hours, minutes=len(expected))
        own = uses(org, key, 4, moment)
        record(org, moment, own)
        record_uses(api, moment, [used(other, moment, organization_id="org_other") for _ in range(3)], producer="q")
        expected += [use.id for use in own]
    if counted:
        count(api)
    span = {"action": "verify", "to": (at + timedelta(hours=40)).isoformat(), "per_page": 3}
    assert sorted(_pages(org, **span)) == sorted(expected)
    assert _pages(org, **span)[-4:] == sorted(expected[:4], reverse=True)


@pytest.mark.parametrize("counted", [False, True])
def test_an_organization_with_few_uses_gets_a_full_page_whatever_others_do_in_the_same_hour(
    api: Api,
    org: Organization,
    counted: bool,  # noqa: FBT001 -- a case
) -> None:
    count(api)
    key = org.key()
    start = (now() - timedelta(hours=3 if counted else 5)).replace(minute=0, second=0, microsecond=0)
    own = uses(org, key, 2, start)
    record(org, start, own)
    for number in range(12):
        moment = start + timedelta(minutes=1 + number)
        own += (one := uses(org, key, 1, moment))
        others = [used(new_id("key"), moment, organization_id="org_other") for _ in range(1_000)]
        record_uses(api, moment, [*others[:500], *one, *others[500:]])
    if counted:
        count(api)
    params = {"action": "verify", "to": (start + timedelta(hours=1)).isoformat()}
    found = org.client.get(PATH, params)
    assert _ids(found) == [use.id for use in sorted(own, key=lambda use: (use.occurred_at, use.id), reverse=True)]
    assert found.json["pagination"]["next_cursor"] is None
    assert _pages(org, **params, per_page=3) == _ids(found)
    assert _ids(org.client.get(PATH, {**params, "after": own[-3].id})) == [use.id for use in own[-2:]]
    assert _ids(org.client.get(PATH, {**params, "status": "denied"})) == []


def test_only_uses_that_are_not_listed_yet_can_make_a_page_partial(api: Api, org: Organization) -> None:
    count(api)
    key = org.key()
    at = now() - timedelta(hours=7)
    own = uses(org, key, 2, at)
    record(org, at, own)
    for second in range(UNLISTED_MAX // 1_000 + 1):
        moment = at + timedelta(seconds=1 + second)
        record_uses(api, moment, [used(new_id("key"), moment, organization_id="org_other") for _ in range(1_000)])
    params = {"action": "verify", "to": (at + timedelta(minutes=1)).isoformat()}
    partial = org.client.get(PATH, params)
    assert (_ids(partial), partial.json["pagination"]["searched_to"] > at.isoformat()) == ([], True)
    assert _pages(org, **params) == [use.id for use in reversed(own)]
    count(api)
    found = org.client.get(PATH, params)
    assert (_ids(found), found.json["pagination"]["next_cursor"]) == ([use.id for use in reversed(own)], None)


def test_a_filter_with_few_matches_reads_a_bounded_number_of_uses_of_the_organization(
    api: Api, org: Organization
) -> None:
    key = org.key()
    at = now() - timedelta(hours=2)
    denied = uses(org, key, 1, at, code="disabled_key")
    record(org, at, denied)
    for second in range(SCAN_MAX // 1_000 + 1):
        moment = at + timedelta(seconds=1 + second)
        record(org, moment, uses(org, key, 1_000, moment))
    count(api)
    params = {"status": "denied"}
    partial = org.client.get(PATH, params)
    assert (_ids(partial), partial.json["pagination"]["searched_to"] > at.isoformat()) == ([], True)
    assert _pages(org, **params) == [denied[0].id]


def test_filters_compare_the_fields_of_entries(org: Organization) -> None:
    mcp_id = org.mcp()
    key = org.key(permissions={"mcps": [mcp_id]}, allowed_ips=["10.0.0.0/8"])
    accepted = org.verify(key.secret, mcp_id=mcp_id, tool="add", ip="10.0.0.1")["event_id"]
    refused = org.verify(key.secret, ip="192.0.2.7")["event_id"]
    for filters, expected in (
        ({"status": "denied"}, [refused]),
        ({"status": "success", "action": "verify"}, [accepted]),
        ({"reason": "ip_not_permitted"}, [refused]),
        ({"mcp_id": mcp_id}, [accepted]),
        ({"tool": "add"}, [accepted]),
        ({"ip": "192.0.2.7"}, [refused]),
        ({"ip": "192.0.2.7", "status": "success"}, []),
    ):
        assert _ids(org.client.get(PATH, filters)) == expected, filters


def test_a_tail_returns_every_use_once_also_one_that_is_committed_late(org: Organization) -> None:
    key = org.key()
    early = now()
    params = {"action": "verify"}
    newest = org.client.get(PATH, params)
    first = org.verify(key.secret)["event_id"]
    answer = org.client.get(PATH, {**params, "after": newest.json["pagination"]["next_after"]})
    assert _ids(answer) == [first]
    late = uses(org, key, 2, early)
    record(org, early, late)
    answer = org.client.get(PATH, {**params, "after": answer.json["pagination"]["next_after"]})
    assert _ids(answer) == [use.id for use in late]
    answer = org.client.get(PATH, {**params, "after": answer.json["pagination"]["next_after"]})
    assert _ids(answer) == []


def test_a_tail_from_a_use_returns_the_later_ones_oldest_first(api: Api, org: Organization) -> None:
    key = org.key()
    at = now() - timedelta(hours=5)
    own = [use for second in range(5) for use in uses(org, key, 2, at + timedelta(seconds=second))]
    for second in range(5):
        record(org, at + timedelta(seconds=second), own[2 * second : 2 * second + 2])
    count(api)
    params = {"action": "verify", "per_page": 3}
    answer = org.client.get(PATH, {**params, "after": own[1].id})
    ids = _ids(answer)
    while answer.data:
        answer = org.client.get(PATH, {**params, "after": answer.json["pagination"]["next_after"]})
        ids += _ids(answer)
    assert ids == [use.id for use in own[2:]]


def test_a_page_that_reads_further_than_the_first_scan_is_complete(api: Api, org: Organization) -> None:
    key = org.key()
    at = now() - timedelta(minutes=10)
    own = uses(org, key, 5, at)
    record(org, at, own)
    for second in range(4):
        moment = at + timedelta(seconds=1 + second)
        others = [used(new_id("key"), moment, organization_id="org_other") for _ in range(FIRST_SCAN)]
        record_uses(api, moment, others)
    params = {"from": (at - timedelta(seconds=1)).isoformat(), "to": (at + timedelta(minutes=1)).isoformat()}
    answer = org.client.get(PATH, params)
    ids = _ids(answer)
    # Uses of other tests in this minute can end the search early.
    while (cursor := answer.json["pagination"]["next_cursor"]) is not None:
        answer = org.client.get(PATH, {**params, "cursor": cursor})
        ids += _ids(answer)
    assert ids == [use.id for use in reversed(own)]


def test_an_unknown_start_of_a_tail_is_refused(org: Organization) -> None:
    for params in ({"after": new_event_id()}, {"after": "made-up"}, {"cursor": "made-up"}):
        assert org.client.get(PATH, params).status == 422


def test_what_is_no_use_of_the_organization_starts_no_tail_and_is_not_told_apart(api: Api, org: Organization) -> None:
    other = api.organization()
    key, at = org.key(), now() - timedelta(minutes=1)
    (call,) = uses(org, key, 1, at, action="call", mcp_id="mcp_a", tool="search")
    end = completed(key.id, at, call_id=call.id, organization_id=org.id)
    record(org, at, [call, end])
    assert org.client.get(PATH, {"after": call.id}).status == 200
    theirs = other.verify(other.manager.secret)["event_id"]
    answers = [org.client.get(PATH, {"after": event_id}) for event_id in (new_event_id(), theirs, end.id)]
    assert {answer.status for answer in answers} == {422}
    assert {str(answer.json["error"]["details"]) for answer in answers} == {str(answers[0].json["error"]["details"])}


def test_a_use_of_a_key_that_the_caller_does_not_see_starts_no_tail(api: Api, org: Organization) -> None:
    member = person(api, org.id, "member")
    own, others = member.client.post("/v1/api-keys", {"name": "Own"}).data["key"], org.key().secret

    async def tail_from(event_id: str) -> Tail | None:
        span = OrganizationSpan(org.id, ORGANIZATION_BATCHES.name, created_by=member.id)
        async with read_transaction(api.database.pool, org.id) as connection:
            return await organization_tail_from(connection, span, event_id, now(), now())

    starts = [api.database.run(tail_from(org.verify(secret)["event_id"])) for secret in (own, others, unknown_secret())]
    assert [start is not None for start in starts] == [True, False, False]


def test_only_roles_that_see_all_keys_list_their_uses(api: Api, org: Organization) -> None:
    statuses = {role: person(api, org.id, role).client.get(PATH).status for role in ("auditor", "member", "viewer")}
    assert statuses == {"auditor": 200, "member": 403, "viewer": 403}
