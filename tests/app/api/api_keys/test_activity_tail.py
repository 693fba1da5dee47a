"""GET /v1/api-keys/{id}/activity?after=…: a tail that returns every entry once."""

from datetime import timedelta
from typing import Any

import pytest

from domain.actor import EXPIRY
from domain.keys.commands import DisableKey
from domain.keys.decider import KEY
from domain.usage.events import CallCompleted
from eventstore.recorded import Origin
from infrastructure.clock import new_event_id, now
from projections.commands import commands_on
from tests.app.client import Response
from tests.app.organizations import Key, Organization
from tests.app.recorded_uses import record, uses


class Follower:
    """Follows the activity of a key from the newest page on."""

    def __init__(self, org: Organization, key: Key, **filters: object) -> None:
        self._org, self._path, self._filters = org, f"{key.path}/activity", filters
        self.newest = org.client.get(self._path, filters)
        self.after: str = self.newest.json["pagination"]["next_after"]

    def read(self, **params: object) -> list[Any]:
        """Return the next entries, oldest first."""
        answer = self._org.client.get(self._path, {**self._filters, **params, "after": self.after})
        self.after = answer.json["pagination"]["next_after"]
        return list(answer.data)

    def ids(self, **params: object) -> list[str]:
        return [entry["id"] for entry in self.read(**params)]


def test_a_tail_returns_what_follows_the_newest_page_oldest_first(org: Organization) -> None:
    key = org.key()
    org.verify(key.secret)
    tail = Follower(org, key)
    assert tail.read() == []
    org.verify(key.secret)
    org.client.post(f"{key.path}/disable")
    org.verify(key.secret)
    entries = tail.read()
    assert entries == org.activity(key)[:3][::-1]
    assert [entry["event"] for entry in entries] == ["api_key.used", "api_key.disabled", "api_key.used"]
    assert tail.read() == []


def test_a_use_that_is_committed_late_is_returned_once(org: Organization) -> None:
    """Its time is before uses that the tail has returned."""
    key = org.key()
    early = now()
    tail = Follower(org, key)
    org.verify(key.secret)
    assert len(tail.read()) == 1
    late = uses(org, key, 2, early)
    record(org, early, late)
    assert tail.ids() == [use.id for use in late]
    assert tail.read() == []


def test_a_late_use_of_the_instant_of_a_returned_one_is_returned(org: Organization) -> None:
    """Entries of one instant are ordered by their random ids, so the late one can be on either side."""
    key = org.key()
    tail = Follower(org, key)
    at = now()
    ordered = uses(org, key, 3, at)
    record(org, at, [ordered[1]])
    assert tail.ids() == [ordered[1].id]
    record(org, at, [ordered[0], ordered[2]])
    assert tail.ids() == [ordered[0].id, ordered[2].id]
    assert tail.read() == []


def test_a_tail_of_a_busy_key_waits_until_its_uses_are_settled(org: Organization) -> None:
    key = org.key()
    tail = Follower(org, key)
    at = now()
    many = uses(org, key, 250, at)
    record(org, at, many)
    found = tail.ids(per_page=60) + tail.ids(per_page=60)
    assert found == [use.id for use in many[:100]], "only so many are returned before they are settled"
    assert tail.ids(per_page=60) == []


def test_settled_uses_are_returned_at_any_rate(org: Organization) -> None:
    key = org.key()
    at = now() - timedelta(minutes=10)
    many = uses(org, key, 250, at)
    first, *rest = many
    record(org, at, many)
    path, after, found = f"{key.path}/activity", first.id, list[str]()
    while data := (answer := org.client.get(path, {"after": after, "per_page": 100, "action": "verify"})).data:
        found += [entry["id"] for entry in data]
        after = answer.json["pagination"]["next_after"]
    assert found == [use.id for use in rest]


def test_a_tail_can_start_after_any_entry(org: Organization) -> None:
    key = org.key()
    org.verify(key.secret)
    org.client.post(f"{key.path}/disable")
    org.verify(key.secret)
    entries = org.activity(key)[::-1]
    for number, entry in enumerate(entries):
        followed = org.client.get(f"{key.path}/activity", {"after": entry["id"]})
        assert followed.data == entries[number + 1 :]
        assert followed.json["pagination"]["next_cursor"] is None


def test_a_change_with_an_earlier_time_is_returned(org: Organization) -> None:
    """A bulk revocation gives all keys one time, and reaches some of them much later."""
    key = org.key()
    tail = Follower(org, key)
    org.verify(key.secret)
    assert len(tail.read()) == 1
    database, begun = org.api.database, now() - timedelta(minutes=10)
    disable = DisableKey(at=begun)
    commands = commands_on(database.pool)
    database.run(commands.run(KEY, key.id, org.id, disable, origin=Origin(EXPIRY), at=begun))
    assert [entry["event"] for entry in tail.read()] == ["api_key.disabled"]


def test_a_filtered_tail_returns_matches_only(org: Organization) -> None:
    key = org.key()
    tail = Follower(org, key, status="denied")
    org.verify(key.secret)
    org.verify(key.secret, mcp_id=org.mcp())
    assert [entry["reason"] for entry in tail.read()] == ["mcp_not_permitted"]
    assert tail.read() == []


def test_a_filter_by_outcome_returns_a_call_when_it_has_ended(org: Organization) -> None:
    mcp_id = org.mcp()
    key = org.key()
    failed = Follower(org, key, status="error")
    at = now() - timedelta(seconds=60)
    (call,) = uses(org, key, 1, at, action="call", mcp_id=mcp_id, tool="add")
    record(org, at, [call])
    assert failed.read() == []
    end = CallCompleted(new_event_id(), now(), call.id, org.id, key.id, mcp_id, "add", "error", 9, error="mcp_timeout")
    record(org, end.occurred_at, [end])
    assert failed.ids() == [call.id]
    assert failed.read() == []


@pytest.mark.parametrize("after", ["x", "evt_" + "0" * 26, "evt_short"])
def test_an_unknown_entry_is_refused(org: Organization, after: str) -> None:
    refused = org.client.get(f"{org.manager.path}/activity", {"after": after})
    assert (refused.status, refused.code, set(refused.details)) == (422, "validation_error", {"after"})


def test_the_entry_of_another_key_is_refused(org: Organization) -> None:
    entry = org.activity(org.key())[0]["id"]
    assert org.client.get(f"{org.key().path}/activity", {"after": entry}).details.keys() == {"after"}


def test_a_tail_belongs_to_its_filters(org: Organization) -> None:
    key = org.key()
    tail = Follower(org, key)
    refused = org.client.get(f"{key.path}/activity", {"after": tail.after, "status": "denied"})
    assert refused.details.keys() == {"after"}


def test_a_tail_and_a_cursor_cannot_be_combined(org: Organization) -> None:
    key = org.key()
    org.verify(key.secret)
    first: Response = org.client.get(f"{key.path}/activity", {"per_page": 1})
    numbers = first.json["pagination"]
    both = {"after": numbers["next_after"], "cursor": numbers["next_cursor"], "per_page": 1}
    assert org.client.get(f"{key.path}/activity", both).details.keys() == {"after"}
    older = org.client.get(f"{key.path}/activity", {"per_page": 1, "cursor": numbers["next_cursor"]})
    assert "next_after" not in older.json["pagination"]
