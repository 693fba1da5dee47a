"""Visibility of keys: every kind of caller calls every route, and every response is searched for keys.

The tests are generated from the list of routes. A route that is in no table fails `test_every_route_is_classified`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from domain.actor import EXPIRY_ALERTS, UserActor
from domain.alerts.commands import RaiseAlert
from domain.grants import Grant
from domain.keys.permissions import Permissions
from domain.members.events import Role
from infrastructure.clock import new_id, now
from infrastructure.database.connections import WORKER_ROLE, pool
from tests.app.api.organization.invite import INVITATIONS, INVITE, MEMBERS
from tests.app.api.usage.usage_data import count
from tests.app.client import Client
from tests.app.organizations import Api, Key, Organization
from tests.app.people import person
from tests.app.scopes import PUBLIC, RULES, Route
from tests.app.scopes import ROLES as HELD
from tests.random_input import random_email
from workers.raise_alert import raise_alert

KEY_ID = re.compile(rb"key_[0-7][0-9a-hjkmnp-tv-z]{25}")

ABOUT_ONE_KEY = {route for route in RULES if "{key_id}" in route[1]}
"""Routes with a key in the path. The key does not exist for a caller that cannot see it."""


def _select_all() -> dict[str, object]:
    """Return the body of a dry run that selects every key."""
    return {"created_before": now().isoformat(), "reason": "superseded", "include_caller": True}


def all_pages(client: Client, path: str) -> bytes:
    """Return the pages of a list, one after the other. The newest uses are those of the tests themselves."""
    content, cursor = b"", None
    while True:
        answer = client.get(path, {"per_page": 100} | ({} if cursor is None else {"cursor": cursor}))
        content, cursor = content + answer.content, answer.json["pagination"]["next_cursor"]
        if cursor is None:
            return content


LISTS: dict[Route, Callable[[Client], bytes]] = {
    ("GET", "/v1/api-keys"): lambda c: c.get("/v1/api-keys", {"per_page": 100}).content,
    ("POST", "/v1/api-keys/revoke"): lambda c: c.post("/v1/api-keys/revoke", _select_all()).content,
    ("GET", "/v1/usage"): lambda c: c.get("/v1/usage").content,
    ("GET", "/v1/organization/usage"): lambda c: c.get("/v1/organization/usage").content,
    ("GET", "/v1/activity"): lambda c: all_pages(c, "/v1/activity"),
    ("GET", "/v1/audit/events"): lambda c: all_pages(c, "/v1/audit/events"),
    ("GET", "/v1/audit/export"): lambda c: c.get("/v1/audit/export").content,
    ("GET", "/v1/alerts"): lambda c: all_pages(c, "/v1/alerts"),
}
"""Routes whose response contains exactly the keys that the caller can see."""

ABOUT_SOMETHING_OF_A_KEY: set[Route] = {
    ("GET", "/v1/activity/{event_id}"),
    ("GET", "/v1/audit/events/{event_id}"),
    ("GET", "/v1/alerts/{alert_id}"),
    ("POST", "/v1/alerts/{alert_id}/acknowledge"),
}
"""Routes whose path names an event or an alert, which names a key."""

OWN_SECRET: set[Route] = {
    ("POST", "/v1/api-keys"),
    ("POST", "/v1/api-keys/verify"),
    ("POST", "/v1/api-keys/identify"),
    ("POST", "/v1/api-keys/import"),
    ("GET", "/v1/auth/check"),
    ("POST", "/v1/mcp/invoke"),
    ("POST", "/v1/mcp/resources"),
    ("GET", "/v1/mcp/servers"),
}
"""Routes whose response is about a key that the caller created or whose secret it sent."""

SILENT: set[Route] = {
    ("GET", "/v1/api-keys/creators"),
    ("GET", "/v1/api-keys/review"),
    ("POST", "/v1/mcps"),
    ("GET", "/v1/mcps"),
    ("GET", "/v1/mcps/names"),
    ("GET", "/v1/mcps/{mcp_id}"),
    ("PATCH", "/v1/mcps/{mcp_id}"),
    ("DELETE", "/v1/mcps/{mcp_id}"),
    ("POST", "/v1/mcps/{mcp_id}/test"),
    ("GET", "/v1/usage/history"),
    ("POST", "/v1/webhooks"),
    ("GET", "/v1/webhooks"),
    ("GET", "/v1/webhooks/{webhook_id}"),
    ("PATCH", "/v1/webhooks/{webhook_id}"),
    ("DELETE", "/v1/webhooks/{webhook_id}"),
    ("POST", "/v1/webhooks/{webhook_id}/rotate"),
    ("POST", "/v1/webhooks/{webhook_id}/test"),
    ("GET", "/v1/webhooks/{webhook_id}/deliveries"),
    ("POST", "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/retry"),
    ("GET", "/v1/organization"),
    ("PATCH", "/v1/organization"),
    ("DELETE", "/v1/organization"),
    ("GET", "/v1/organization/members"),
    ("POST", "/v1/organization/members/invite"),
    ("GET", "/v1/organization/members/{user_id}"),
    ("PATCH", "/v1/organization/members/{user_id}"),
    ("DELETE", "/v1/organization/members/{user_id}"),
    ("POST", "/v1/organization/members/{user_id}/transfer-ownership"),
    ("GET", "/v1/organization/invitations"),
    ("GET", "/v1/organization/invitations/{invite_id}"),
    ("DELETE", "/v1/organization/invitations/{invite_id}"),
    ("GET", "/v1/session"),
    ("DELETE", "/v1/session"),
    ("GET", "/v1/session/notifications"),
    ("PATCH", "/v1/session/notifications"),
    ("GET", "/v1/sessions"),
    ("DELETE", "/v1/sessions"),
    ("DELETE", "/v1/sessions/{session_id}"),
}
"""Routes whose response contains no key for any caller."""

PAGES: set[Route] = {("GET", "/account"), ("GET", "/"), ("GET", "/sign-in")}
"""Pages that people open in a browser."""

SEES_ALL: set[Role] = {"owner", "admin", "auditor"}
"""From the contract: a member sees their own keys, and a viewer sees none."""
SMALLER: tuple[Role, ...] = ("auditor", "member", "viewer")
LARGER: tuple[tuple[Role, Role], ...] = (("member", "admin"), ("member", "auditor"))
READING = ["keys:read", "keys:write", "usage:read", "audit:read", "alerts:read"]


@dataclass(frozen=True)
class Caller:
    """A session or a key. `role` is the current role of the person behind it; None: an operator created the key."""

    client: Client
    grants: set[Grant]
    role: Role | None
    user_id: str


@dataclass
class World:
    api: Api
    org: Organization
    callers: dict[str, Caller] = field(default_factory=dict[str, Caller])
    created_by: dict[str, str] = field(default_factory=dict[str, str])
    """The id of the creator of each key of the organization: a person or a key."""

    def sees(self, caller: Caller) -> set[str]:
        if caller.role is None or caller.role in SEES_ALL:
            return set(self.created_by)
        if caller.role == "viewer":
            return set()
        return {key_id for key_id, creator in self.created_by.items() if creator == caller.user_id}

    def admitted_callers(self, route: Route) -> list[tuple[str, Caller]]:
        """Return the callers that the route admits."""
        rule = RULES[route]
        return [
            (name, caller)
            for name, caller in self.callers.items()
            if (rule.grant in caller.grants if rule.grant is not None else not name.startswith("a key"))
        ]

    def key(self, maker: Client, maker_id: str, manage: Sequence[str]) -> Key:
        body = {"name": "Theirs", "permissions": {"mcps": "*", "manage": list(manage)}}
        data = maker.post("/v1/api-keys", body).data
        self.created_by[data["id"]] = maker_id
        return Key(self.api, data["id"], data["key"], self.org.id)

    def add_key(self, name: str, key: Key, role: Role | None, user_id: str) -> None:
        grants: set[Grant] = set(self.org.detail(key)["permissions"]["manage"])
        self.callers[f"a key {name}"] = Caller(key.client, grants, role, user_id)
        assert self.org.verify(key.secret)["valid"] is True

    def alert_about(self, key_id: str) -> str:
        alert = RaiseAlert(
            alert_id=new_id("alert"),
            organization_id=self.org.id,
            alert_type="api_key.expiring",
            severity="warning",
            at=now(),
            key_id=key_id,
            numbers={"days": 7},
        )

        async def raised() -> None:
            async with pool(self.api.database.url, role=WORKER_ROLE) as connections:
                assert await raise_alert(connections, EXPIRY_ALERTS, alert)

        self.api.database.run(raised())
        return alert.alert_id


@pytest.fixture(scope="module")
def world(api: Api) -> World:
    """A person in each role, a second member, their keys, and people whose role changed, with their keys."""
    org = api.organization("enterprise")
    world = World(api, org, created_by={org.manager.id: "operator"})
    world.add_key("of an operator", org.manager, None, "")
    roles: tuple[Role, ...] = ("owner", "admin", "auditor", "member", "viewer", "member")
    for number, role in enumerate(roles):
        who = person(api, org.id, role)
        world.callers[f"{role} {number}"] = Caller(who.client, {*HELD[role]}, role, who.id)
        if "keys:write" in HELD[role]:
            manage = READING if role in SEES_ALL else ["usage:read", "mcps:read", "organization:read"]
            world.add_key(f"of {role} {number}", world.key(who.client, who.id, manage), role, who.id)
    for role in SMALLER:
        who = person(api, org.id, "admin")
        first = world.key(who.client, who.id, READING)
        second = world.key(first.client, first.id, READING)
        assert org.client.patch(f"/v1/organization/members/{who.id}", {"role": role}).status == 200
        world.callers[f"{role}, formerly an admin"] = Caller(who.client, {*HELD[role]}, role, who.id)
        world.add_key(f"of a former admin, now {role}", first, role, who.id)
        world.add_key(f"that a key of a former admin, now {role}, made", second, role, who.id)
    for before, role in LARGER:
        who = person(api, org.id, before)
        key = world.key(who.client, who.id, ["usage:read"])
        assert org.client.patch(f"/v1/organization/members/{who.id}", {"role": role}).status == 200
        world.callers[f"{role}, formerly a {before}"] = Caller(who.client, {*HELD[role]}, role, who.id)
        world.add_key(f"of a former {before}, now {role}", key, role, who.id)
    of_a_key = world.key(org.client, org.manager.id, READING)
    world.add_key("that a key of an operator made", of_a_key, None, "")
    for key_id in world.created_by:
        world.alert_about(key_id)
    org.mcp()
    count(api)
    return world


def test_every_route_is_classified() -> None:
    tables = [ABOUT_ONE_KEY, set(LISTS), ABOUT_SOMETHING_OF_A_KEY, OWN_SECRET, SILENT]
    assert set().union(*tables) == set(RULES)
    assert sum(map(len, tables)) == len(RULES)


@pytest.mark.parametrize("route", LISTS, ids=" ".join)
def test_a_list_contains_exactly_the_keys_that_the_caller_can_see(world: World, route: Route) -> None:
    wrong: list[str] = []
    for name, caller in world.admitted_callers(route):
        shown, sees = keys_in(world, LISTS[route](caller.client)), world.sees(caller)
        if shown != sees:
            wrong.append(f"{name}: too many {sorted(shown - sees)}, too few {sorted(sees - shown)}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("route", sorted(ABOUT_ONE_KEY), ids=" ".join)
def test_a_key_that_the_caller_cannot_see_does_not_exist(world: World, route: Route) -> None:
    method, path = route
    wrong: list[str] = []
    for name, caller in world.admitted_callers(route):
        sees = world.sees(caller)
        for key_id in set(world.created_by) if method == "GET" else set(world.created_by) - sees:
            answer = caller.client.request(method, path.replace("{key_id}", key_id), RULES[route].body)
            if answer.status != (200 if key_id in sees else 404):
                wrong.append(f"{name}: {answer.status} for {key_id}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("route", sorted(ABOUT_SOMETHING_OF_A_KEY), ids=" ".join)
def test_events_and_alerts_are_open_only_to_callers_that_see_all_keys(world: World, route: Route) -> None:
    callers = world.admitted_callers(route)
    assert callers
    assert all(world.sees(caller) == set(world.created_by) for _, caller in callers)


@pytest.mark.parametrize("route", sorted(route for route in SILENT if route[0] == "GET"), ids=" ".join)
def test_no_other_route_shows_a_key(world: World, route: Route) -> None:
    client = world.org.client
    hook = client.post("/v1/webhooks", {"url": "https://example.com/hooks"}).data["id"]
    invitation = (
        world.callers["owner 0"].client.post(INVITE, {"email": random_email(), "role": "viewer"}).data["invite_id"]
    )
    path = route[1].format(
        mcp_id=client.get("/v1/mcps").data[0]["id"],
        webhook_id=hook,
        user_id=client.get(MEMBERS).data[0]["user_id"],
        invite_id=invitation,
    )
    for _, caller in world.admitted_callers(route):
        answer = caller.client.get(path)
        assert answer.status == 200
        assert not keys_in(world, answer.content)
    assert client.delete(f"/v1/webhooks/{hook}").status == 200
    assert client.delete(f"{INVITATIONS}/{invitation}").status == 200


def keys_in(world: World, content: bytes) -> set[str]:
    return {key_id.decode() for key_id in KEY_ID.findall(content)} & set(world.created_by)


@pytest.mark.parametrize("path", [path for method, path in sorted(PUBLIC | PAGES) if method == "GET"])
def test_no_page_and_no_public_route_shows_a_key(world: World, path: str) -> None:
    for caller in world.callers.values():
        answer = caller.client.get(path.replace("{code}", "conflict"), Accept="text/html, */*;q=0.1")
        assert answer.status in {200, 302, 303}
        assert not keys_in(world, answer.content)


@pytest.mark.parametrize("sort", ["created_at", "last_used", "expires_at", "name"])
def test_the_pages_of_a_list_contain_exactly_the_keys_that_the_caller_can_see(world: World, sort: str) -> None:
    wrong: list[str] = []
    for name, caller in world.admitted_callers(("GET", "/v1/api-keys")):
        shown, cursor = list[str](), ""
        while True:
            query = {"per_page": 4, "sort": sort, **({"cursor": cursor} if cursor else {})}
            listed = caller.client.get("/v1/api-keys", query).json
            shown += [key["id"] for key in listed["data"]]
            cursor = listed["pagination"]["next_cursor"]
            if cursor is None:
                break
        sees = world.sees(caller)
        if sorted(shown) != sorted(sees) or listed["pagination"]["total"] != len(sees):
            wrong.append(f"{name}: {len(shown)} shown, {listed['pagination']} reported, {len(sees)} visible")
    assert not wrong, "\n".join(wrong)


def test_no_filter_finds_a_key_that_the_caller_cannot_see(world: World) -> None:
    wrong: list[str] = []
    creators = sorted({*world.created_by.values()} - {"operator"})
    mcp_id = world.org.client.get("/v1/mcps").data[0]["id"]
    filters = [{"created_by": creator} for creator in creators]
    filters += [{"q": "Theirs"}, {"status": "active"}, {"environment": "live"}, {"mcp_id": mcp_id}]
    for name, caller in world.admitted_callers(("GET", "/v1/api-keys")):
        for wanted in filters:
            shown = {key["id"] for key in caller.client.get("/v1/api-keys", {**wanted, "per_page": 100}).data}
            expected = {
                key_id
                for key_id in world.sees(caller)
                if world.created_by[key_id] == wanted.get("created_by", world.created_by[key_id])
                and not (key_id == world.org.manager.id and "q" in wanted)
            }
            if shown != expected:
                wrong.append(f"{name}: {wanted}")
    assert not wrong, "\n".join(wrong)


def test_a_cursor_of_a_caller_that_sees_all_keys_is_refused_for_others(world: World) -> None:
    all_keys = world.org.client.get("/v1/api-keys", {"per_page": 1}).json["pagination"]["next_cursor"]
    activity = f"{world.org.manager.path}/activity"
    uses = world.org.client.get(activity, {"per_page": 1}).json["pagination"]["next_cursor"]
    for name, caller in world.admitted_callers(("GET", "/v1/api-keys")):
        if world.sees(caller) != set(world.created_by):
            refused = caller.client.get("/v1/api-keys", {"per_page": 1, "cursor": all_keys})
            assert (refused.status, list(refused.details)) == (422, ["cursor"]), name
            assert caller.client.get(activity, {"per_page": 1, "cursor": uses}).status == 404, name


def test_the_grants_of_a_key_are_limited_by_the_role_of_its_creator(api: Api, org: Organization) -> None:
    """The key has more grants than its creator, because it was written without the checks that prevent this."""
    member = person(api, org.id, "member")
    grants: tuple[Grant, ...] = ("keys:read", "usage:read", "alerts:read", "audit:read", "webhooks:read")
    key = org.seeded_key(by=UserActor(member.id), permissions=Permissions(mcps="*", manage=grants))
    refused = {"/v1/alerts": "alerts:read", "/v1/audit/export": "audit:read", "/v1/webhooks": "webhooks:read"}
    for path, grant in refused.items():
        answer = key.client.get(path)
        assert (answer.status, answer.details) == (403, {"required": [grant]})
    assert [shown["id"] for shown in key.client.get("/v1/api-keys").data] == [key.id]
    assert key.client.get(f"{org.manager.path}/usage").status == 404


def test_a_key_of_a_person_who_is_not_a_member_has_no_access(org: Organization) -> None:
    stranger = UserActor(new_id("user"))
    key = org.seeded_key(by=stranger, permissions=Permissions(mcps="*", manage=("usage:read", "keys:read")))
    for path, grant in {"/v1/usage": "usage:read", "/v1/api-keys": "keys:read"}.items():
        answer = key.client.get(path)
        assert (answer.status, answer.details) == (403, {"required": [grant]})


def test_a_replayed_bulk_revocation_shows_only_keys_that_the_caller_can_still_see(api: Api, org: Organization) -> None:
    """The response to an admin is stored for a day, in which the admin may become a member."""
    admin = person(api, org.id, "admin")
    own, other = admin.client.post("/v1/api-keys", {"name": "Own"}).data["id"], org.key(name="Not theirs").id
    body = {"ids": [own, other], "reason": "compromised", "dry_run": False}
    first = admin.client.post("/v1/api-keys/revoke", body, idempotency_key="repeated").data
    assert {key["id"] for key in first["keys"]} == {own, other}
    assert admin.client.post("/v1/api-keys/revoke", body, idempotency_key="repeated").data == first
    assert org.client.patch(f"/v1/organization/members/{admin.id}", {"role": "member"}).status == 200
    repeated = admin.client.post("/v1/api-keys/revoke", body, idempotency_key="repeated")
    assert repeated.headers["idempotency-replayed"] == "true"
    assert [key["id"] for key in repeated.data["keys"]] == [own]
    assert b"Not theirs" not in repeated.content


@pytest.mark.parametrize("between", ["active", "revoked"])
def test_a_key_without_grants_of_a_removed_creator_has_no_access_if_it_gets_grants_later(
    api: Api, org: Organization, between: str
) -> None:
    """Keys without grants are kept for the customers of a program. Another person may give them grants afterwards."""
    admin = person(api, org.id, "admin")
    made = admin.client.post("/v1/api-keys", {"name": "Program", "permissions": {"mcps": "*", "manage": READING}}).data
    program = Key(api, made["id"], made["key"], org.id)
    made = program.client.post("/v1/api-keys", {"name": "Customer"}).data
    customer = Key(api, made["id"], made["key"], org.id)
    if between == "revoked":
        assert org.client.delete(program.path).status == 200
    assert org.client.delete(f"/v1/organization/members/{admin.id}").status == 200
    given = {"permissions": {"mcps": "*", "manage": ["usage:read", "keys:read"]}}
    assert org.client.patch(customer.path, given).status == 200
    for path in ("/v1/usage", "/v1/api-keys", customer.path, f"{org.manager.path}/usage"):
        assert customer.client.get(path).status == 403


def test_a_key_created_by_a_revoked_key_still_depends_on_the_role_of_the_person(api: Api, org: Organization) -> None:
    admin = person(api, org.id, "admin")
    body = {"name": "Between", "permissions": {"mcps": "*", "manage": READING}}
    made = admin.client.post("/v1/api-keys", body).data
    between = Key(api, made["id"], made["key"], org.id)
    made = between.client.post("/v1/api-keys", {**body, "name": "Last"}).data
    last = Key(api, made["id"], made["key"], org.id)
    assert org.client.delete(between.path).status == 200
    assert last.client.get(f"{org.manager.path}/usage").status == 200
    assert org.client.patch(f"/v1/organization/members/{admin.id}", {"role": "member"}).status == 200
    assert last.client.get(f"{org.manager.path}/usage").status == 404
    assert last.client.get("/v1/usage").data["by_key"] == []
