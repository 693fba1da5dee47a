"""GET /v1/activity/{id}: one use with the explanation of its decision."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.api.activity.get import require_visible_use
from app.auth.callers import KeyCaller
from app.auth.visible_keys import ALL_KEYS, VisibleKeys
from app.http.errors import Problem
from domain.keys.permissions import Permissions
from domain.mcps.commands import ChangeMcp
from domain.usage.explanation import ORDER
from infrastructure.clock import new_event_id
from tests import seed
from tests.app.api.api_keys.shapes import INSTANT
from tests.app.api.organization.deletion import as_worker, delete, delete_at, restored
from tests.app.organizations import Api, Key, Organization, unknown_secret
from tests.app.people import person
from tests.app.recorded_uses import record, uses
from tests.domain.sample import CREATED, OWNER
from tests.domain.usage.test_decision import fold


def _use(org: Organization, event_id: str) -> Any:  # noqa: ANN401 -- JSON
    return org.client.get(f"/v1/activity/{event_id}").data


def _decided(use: Any) -> Any:  # noqa: ANN401 -- JSON
    """Return the rule that decided, which the record agrees with."""
    assert use["explanation"]["agrees"]
    rules = use["explanation"]["rules"]
    assert [rule["rule"] for rule in rules] == list(ORDER)
    return next((rule for rule in rules if rule["outcome"] == "decided"), None)


def test_an_accepted_use_is_found_by_the_id_that_verify_returned(org: Organization) -> None:
    mcp_id = org.mcp(name="Wiki")
    key = org.key(name="Agent", permissions={"mcps": [mcp_id], "tools": {mcp_id: {"allow": ["get_*"]}}})
    event_id = org.verify(key.secret, mcp_id=mcp_id, tool="get_page", ip="192.0.2.7")["event_id"]
    use = _use(org, event_id)
    explanation = use.pop("explanation")
    assert re.fullmatch(INSTANT, use.pop("timestamp"))
    assert use.pop("request_id")
    assert use == {
        "id": event_id,
        "event": "api_key.used",
        "action": "verify",
        "actor": {"type": "api_key", "id": org.manager.id, "name": "Manager"},
        "status": "success",
        "ip": "192.0.2.7",
        "user_agent": None,
        "revision": 1,
        "secret_version": 1,
        "mcp_id": mcp_id,
        "mcp_name": "Wiki",
        "tool": "get_page",
        "code": "valid",
        "key": {"id": key.id, "name": "Agent"},
        "verified_by": {"id": org.manager.id, "name": "Manager"},
        "billed": True,
    }
    assert explanation["agrees"]
    assert {rule["outcome"] for rule in explanation["rules"]} == {"passed"}
    values = {rule["rule"]: rule["values"] for rule in explanation["rules"]}
    assert values["mcp_allowed"] == {"mcps": [mcp_id]}
    assert values["tool"] == {"tool": "get_page", "pattern": "get_*"}
    assert values["environment"] == {"key": "live", "mcp_server": "live"}
    created = org.client.get("/v1/audit/events", {"resource": key.id}).data[0]
    assert explanation["decided_by"] == {
        "revision": 1,
        "event_id": created["id"],
        "event": "api_key.created",
        "timestamp": created["timestamp"],
        "actor": {"type": "api_key", "id": org.manager.id, "name": "Manager"},
    }
    assert explanation["now"] == {"revision": 1, "code": "valid"}


def test_a_refusal_names_the_rule_the_values_and_the_change(org: Organization) -> None:
    key = org.key()
    org.client.patch(key.path, {"allowed_ips": ["10.0.0.0/8"]})
    refused = org.verify(key.secret, ip="192.0.2.7")
    org.client.patch(key.path, {"allowed_ips": []})
    use = _use(org, refused["event_id"])
    assert (use["status"], use["code"], use["reason"]) == ("denied", "ip_not_permitted", "ip_not_permitted")
    assert _decided(use) == {
        "rule": "ip_address",
        "outcome": "decided",
        "values": {"ip": "192.0.2.7", "allowed_ips": ["10.0.0.0/8"]},
    }
    after = use["explanation"]["rules"][ORDER.index("ip_address") + 1 :]
    assert {rule["outcome"] for rule in after} == {"not_reached"}
    assert all(rule["values"] == {} for rule in after)
    decided_by = use["explanation"]["decided_by"]
    assert org.client.get(f"/v1/audit/events/{decided_by['event_id']}").data["data"]["allowed_ips"] == ["10.0.0.0/8"]
    assert decided_by["revision"] == 2
    assert use["explanation"]["now"] == {"revision": 3, "code": "valid"}


def _disable(org: Organization, key: Key) -> None:
    org.client.post(f"{key.path}/disable")


def _revoke(org: Organization, key: Key) -> None:
    org.client.delete(key.path)


def _rotate(org: Organization, key: Key) -> None:
    org.client.post(f"{key.path}/rotate", {"overlap_seconds": 0})


@pytest.mark.parametrize(
    ("change", "code", "rule"),
    [
        (_disable, "disabled_key", "key_enabled"),
        (_revoke, "revoked_key", "key_state"),
        (_rotate, "revoked_key", "secret_valid"),
    ],
)
def test_a_changed_key_is_explained_by_the_state_that_decided(
    org: Organization,
    change: Callable[[Organization, Key], None],
    code: str,
    rule: str,
) -> None:
    key = org.key()
    before = org.verify(key.secret)["event_id"]
    change(org, key)
    use = _use(org, org.verify(key.secret)["event_id"])
    assert (use["code"], _decided(use)["rule"]) == (code, rule)
    earlier = _use(org, before)
    assert (_decided(earlier), earlier["explanation"]["now"]["code"]) == (None, code)


def test_a_use_that_was_refused_while_the_organization_was_deleted_is_explained(api: Api, org: Organization) -> None:
    key, disabled = org.key(), org.key()
    org.client.post(f"{disabled.path}/disable")
    accepted = org.verify(key.secret)["event_id"]
    assert delete(person(api, org.id, "owner")).status == 200
    refused = [each.client.get(each.check_path) for each in (key, disabled)]
    assert {answer.code for answer in refused} == {"disabled_key"}
    restored(api, org.id)
    uses = [_use(org, org.activity(each)[0]["id"]) for each in (key, disabled)]
    assert [use["code"] for use in uses] == ["disabled_key"] * 2
    assert _decided(uses[0]) == {"rule": "organization", "outcome": "decided", "values": {"status": "deleted"}}
    assert _decided(uses[1])["rule"] == "key_enabled"
    assert [use["explanation"]["now"]["code"] for use in uses] == ["valid", "disabled_key"]
    for event_id in (accepted, org.verify(key.secret)["event_id"]):
        use = _use(org, event_id)
        assert _decided(use) is None
        values = {rule["rule"]: rule["values"] for rule in use["explanation"]["rules"]}
        assert values["organization"] == {"status": "active"}


def _agrees_after_a_deletion(api: Api, org: Organization, before: timedelta) -> bool:
    """Accept a use, commit a deletion whose request came `before` the use, and return whether the rules agree."""
    event_id = org.verify(org.key().secret)["event_id"]
    used_at = datetime.fromisoformat(_use(org, event_id)["timestamp"])
    delete_at(api, org.id, used_at - before)
    restored(api, org.id)
    agrees: bool = _use(org, event_id)["explanation"]["agrees"]
    return agrees


def test_a_use_between_the_request_to_delete_the_organization_and_its_commit_is_no_damage(
    api: Api, org: Organization
) -> None:
    """A deletion has the time of its request."""
    assert _agrees_after_a_deletion(api, org, timedelta(seconds=1))


def test_an_accepted_use_long_after_a_deletion_contradicts_the_log(api: Api, org: Organization) -> None:
    assert not _agrees_after_a_deletion(api, org, timedelta(minutes=1))


def _agrees_after_a_deactivation(api: Api, org: Organization, before: timedelta) -> bool:
    """Accept a use of an MCP server, commit a deactivation whose request came `before` the use, and compare."""
    mcp_id = org.mcp()
    key = org.key(permissions={"mcps": [mcp_id]})
    event_id = org.verify(key.secret, mcp_id=mcp_id)["event_id"]
    at = datetime.fromisoformat(_use(org, event_id)["timestamp"]) - before
    command = ChangeMcp(at=at, status="inactive")
    as_worker(api, lambda connections: seed.change_mcp(connections, org.id, mcp_id, command, at=at))
    use = _use(org, event_id)
    assert use["explanation"]["now"]["code"] == "mcp_not_permitted"
    agrees: bool = use["explanation"]["agrees"]
    return agrees


def test_a_use_between_the_request_to_deactivate_an_mcp_server_and_its_commit_is_no_damage(
    api: Api, org: Organization
) -> None:
    """A deactivation has the time of its request."""
    assert _agrees_after_a_deactivation(api, org, timedelta(seconds=1))


def test_an_accepted_use_long_after_a_deactivation_contradicts_the_log(api: Api, org: Organization) -> None:
    assert not _agrees_after_a_deactivation(api, org, timedelta(minutes=1))


def test_a_use_between_the_first_use_of_a_newer_secret_and_its_commit_is_no_damage(org: Organization) -> None:
    """Two processes decide at nearly the same time, and neither reads the use that the other has not committed."""
    key = org.key()
    org.client.post(f"{key.path}/rotate")
    event_id = org.verify(key.secret)["event_id"]
    first_use = datetime.fromisoformat(_use(org, event_id)["timestamp"]) - timedelta(milliseconds=1)
    record(org, first_use, uses(org, key, 1, first_use, revision=2, secret_version=2, ends_previous=True))
    assert _decided(_use(org, event_id)) is None
    assert _use(org, event_id)["explanation"]["now"]["code"] == "revoked_key"


def test_an_mcp_server_is_that_of_the_time(org: Organization) -> None:
    mcp_id = org.mcp()
    key = org.key(permissions={"mcps": [mcp_id]})
    accepted = org.verify(key.secret, mcp_id=mcp_id)["event_id"]
    org.client.patch(f"/v1/mcps/{mcp_id}", {"status": "inactive"})
    refused = org.verify(key.secret, mcp_id=mcp_id)["event_id"]
    org.client.delete(f"/v1/mcps/{mcp_id}")
    missing = org.verify(key.secret, mcp_id=mcp_id)["event_id"]
    rules = [_decided(_use(org, event_id)) for event_id in (accepted, refused, missing)]
    assert [rule and rule["rule"] for rule in rules] == [None, "mcp_active", "mcp_known"]
    assert _use(org, accepted)["explanation"]["now"]["code"] == "not_found"


def test_a_secret_that_a_newer_one_ended_by_its_use_is_explained(org: Organization) -> None:
    key = org.key()
    newer = org.client.post(f"{key.path}/rotate").data["key"]
    assert org.verify(key.secret)["valid"]
    assert org.verify(newer)["valid"]
    use = _use(org, org.verify(key.secret)["event_id"])
    assert (use["code"], _decided(use)["rule"]) == ("revoked_key", "secret_valid")


def test_a_limit_is_named(org: Organization) -> None:
    key = org.key(rate_limit={"per_second": 1})
    answers = [org.verify(key.secret) for _ in range(30)]
    refused = next(answer for answer in answers if answer["code"] == "rate_limited")
    assert _decided(_use(org, refused["event_id"])) == {
        "rule": "rate_limit",
        "outcome": "decided",
        "values": {"per_second": 1},
    }


def test_a_management_request_has_no_decision_now(org: Organization) -> None:
    reader = org.seeded_key(permissions=Permissions(mcps=(), manage=("keys:read",)))
    assert reader.client.get("/v1/api-keys").status == 200
    assert reader.client.get("/v1/usage").status == 403
    refused, accepted = [entry["id"] for entry in org.activity(reader) if entry["event"] == "api_key.used"]
    use = _use(org, refused)
    assert _decided(use) == {"rule": "grant", "outcome": "decided", "values": {"manage": ["keys:read"]}}
    assert "now" not in use["explanation"]
    assert _decided(_use(org, accepted)) is None


def test_an_unknown_secret_is_explained_without_a_key(org: Organization) -> None:
    event_id = org.verify(unknown_secret())["event_id"]
    use = _use(org, event_id)
    assert _decided(use)["rule"] == "secret_known"
    assert "key" not in use
    assert not {"decided_by", "now"} & set(use["explanation"])


def test_a_use_of_another_organization_does_not_exist(api: Api, org: Organization) -> None:
    other = api.organization()
    event_id = other.verify(other.key().secret)["event_id"]
    refused = org.client.get(f"/v1/activity/{event_id}")
    absent = org.client.get(f"/v1/activity/{new_event_id()}")
    malformed = org.client.get("/v1/activity/evt_x")
    assert (refused.status, refused.code) == (404, "not_found")
    assert refused.without_request_id == absent.without_request_id == malformed.without_request_id


def test_a_caller_that_sees_only_own_keys_gets_no_uses_of_others() -> None:
    """No role that sees only its own keys has the grant now, so this rule has no caller yet."""
    state = fold(CREATED)
    own = KeyCaller(state.key, VisibleKeys(OWNER.id))
    require_visible_use(own, state)
    for caller, key in ((own, None), (KeyCaller(state.key, VisibleKeys("user_other")), state)):
        with pytest.raises(Problem) as refused:
            require_visible_use(caller, key)
        assert refused.value.code == "not_found"
    require_visible_use(KeyCaller(state.key, ALL_KEYS), None)


def test_a_member_explains_no_uses(api: Api, org: Organization) -> None:
    event_id = org.verify(org.key().secret)["event_id"]
    assert person(api, org.id, "member").client.get(f"/v1/activity/{event_id}").status == 403
    assert person(api, org.id, "auditor").client.get(f"/v1/activity/{event_id}").status == 200
