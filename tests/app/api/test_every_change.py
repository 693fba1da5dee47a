"""Checks on every route that changes something. The routes come from the table in `scopes.py`."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from app.auth.sessions import csrf_token
from app.routes import ROUTES
from domain.actor import EXPIRY_ALERTS
from domain.alerts.commands import RaiseAlert
from infrastructure.clock import new_id, now
from infrastructure.database.connections import WORKER_ROLE, pool
from tests.app.client import Client
from tests.app.organizations import Api, Organization
from tests.app.people import COOKIE, Person, person
from tests.app.scopes import RULES, Route
from tests.seed import slug_of
from workers.raise_alert import raise_alert

CHANGES = [route for route, rule in RULES.items() if route[0] != "GET" and rule.people]
MANY = {("POST", "/v1/api-keys/revoke"), ("POST", "/v1/api-keys/import"), ("DELETE", "/v1/sessions")}
"""Routes that change many resources, each with its own revision."""
UNLOGGED = {("POST", "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/retry")}
"""A redelivered message is no event; see `webhooks/test_webhooks.py`."""
ONCE = {("POST", "/v1/organization/members/{user_id}/transfer-ownership")}
"""The previous owner may not repeat the transfer; see `organization/test_ownership.py`."""
OF_ONE = [route.target for route in ROUTES if route.target in CHANGES and route.has_revision]
OF_EXISTING = [route.target for route in ROUTES if route.target in CHANGES and route.if_match]
POSTS = [
    route.target
    for route in ROUTES
    if route.target in CHANGES and route.method == "POST" and route.idempotent and route.target not in UNLOGGED | ONCE
]

changes = pytest.mark.parametrize("route", CHANGES, ids=" ".join)


class World:
    """An organization with an owner, and a new resource for each change."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.org: Organization = api.organization("enterprise")
        self.owner: Person = person(api, self.org.id, "owner")

    def signed_in(self, user: Person) -> Client:
        """Return a client with a new session because some changes end the session."""
        _, secret = user.session()
        return self.api.client(Cookie=f"{COOKIE}={secret}", X_CSRF_Token=csrf_token(secret))

    def prepared(self, route: Route) -> tuple[Client, str, dict[str, object]]:
        """Return an authorized client, and the path and body of a valid change."""
        owner = self.owner
        if route[1].endswith("transfer-ownership"):
            owner = person(self.api, (org := self.api.organization()).id, "owner")
            successor = person(self.api, org.id, "admin")
            return self.signed_in(owner), route[1].replace("{user_id}", successor.id), {}
        if route == ("DELETE", "/v1/organization"):
            owner = person(self.api, (org := self.api.organization()).id, "owner")
            return self.signed_in(owner), route[1], {"confirm": slug_of(org.id)}
        path = route[1]
        for webhook in self.org.client.get("/v1/webhooks").data:  # an organization has a limit of webhooks
            self.org.client.delete(f"/v1/webhooks/{webhook['id']}")
        for name, make in self._makers(route).items():
            if name in path:
                path = path.replace(name, make())
        body = dict(RULES[route].body or {})
        if "email" in body:
            body["email"] = f"{new_id('user')}@example.com"
        return self.signed_in(owner), path, body

    def _makers(self, route: Route) -> dict[str, Callable[[], str]]:
        return {
            "{key_id}": lambda: self._key(disabled=route[1].endswith("/enable")),
            "{mcp_id}": self.org.mcp,
            "{user_id}": lambda: person(self.api, self.org.id, "member").id,
            "{invite_id}": self._invitation,
            "{alert_id}": self._alert,
            "{webhook_id}": self._webhook,
            "{delivery_id}": lambda: "msg_" + "0" * 26,
            "{session_id}": lambda: self.owner.session()[0],
        }

    def _key(self, *, disabled: bool) -> str:
        key = self.org.key()
        if disabled:
            self.org.client.post(f"{key.path}/disable")
        return key.id

    def _webhook(self) -> str:
        made: Any = self.org.client.post("/v1/webhooks", {"url": "https://example.com/hooks"}).data
        return made["id"]

    def _invitation(self) -> str:
        body = {"email": f"{new_id('user')}@example.com", "role": "viewer"}
        made: Any = self.org.client.post("/v1/organization/members/invite", body).data
        return made["invite_id"]

    def _alert(self) -> str:
        alert_id = new_id("alert")
        alert = RaiseAlert(
            alert_id, self.org.id, "api_key.expiring", "warning", now(), self.org.manager.id, {"days": 7}
        )

        async def store() -> None:
            async with pool(self.api.database.url, role=WORKER_ROLE) as connections:
                assert await raise_alert(connections, EXPIRY_ALERTS, alert)

        self.api.database.run(store())
        return alert_id


@pytest.fixture(scope="module")
def world(api: Api) -> World:
    return World(api)


@changes
def test_an_unknown_field_is_named_in_the_refusal(world: World, route: Route) -> None:
    client, path, body = world.prepared(route)
    refused = client.request(route[0], path, {**body, "surprise": 1})
    assert (refused.status, refused.code, set(refused.details)) == (422, "validation_error", {"surprise"})


@changes
def test_an_unknown_parameter_is_named_in_the_refusal(world: World, route: Route) -> None:
    client, path, body = world.prepared(route)
    refused = client.request(route[0], f"{path}?surprise=1", body)
    assert (refused.status, refused.code, set(refused.details)) == (422, "validation_error", {"surprise"})


@changes
@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_body_with_another_content_type_than_json_is_refused(world: World, route: Route, content_type: str) -> None:
    """A form on another site can send these content types without a CORS preflight."""
    client, path, body = world.prepared(route)
    content = json.dumps(body).encode()
    refused = client.request(route[0], path, content=content, headers={"Content-Type": content_type})
    assert (refused.status, refused.code) == (415, "unsupported_media_type")


@pytest.mark.parametrize("route", OF_ONE, ids=" ".join)
def test_a_change_returns_its_new_revision(world: World, route: Route) -> None:
    client, path, body = world.prepared(route)
    made = client.request(route[0], path, body)
    assert made.status in {200, 201}, made.content
    assert int(made.headers["x-revision"]) >= 1
    assert made.headers["etag"] == f'"{made.headers["x-revision"]}"'


@pytest.mark.parametrize("route", OF_EXISTING, ids=" ".join)
def test_a_change_with_another_revision_is_refused_and_changes_nothing(world: World, route: Route) -> None:
    client, path, body = world.prepared(route)
    for if_match in ('"99"', 'W/"99"', "nonsense"):
        refused = client.request(route[0], path, body, headers={"If-Match": if_match})
        assert (refused.status, refused.code) == (412, "revision_mismatch"), if_match
    assert client.request(route[0], path, body, headers={"If-Match": "*"}).status == 200


@pytest.mark.parametrize("route", POSTS, ids=" ".join)
def test_a_repeated_post_gets_the_same_response_and_changes_nothing(world: World, route: Route) -> None:
    client, path, body = world.prepared(route)
    if route in MANY:
        body |= {"dry_run": False}
    key = new_id("evt")
    first = client.request(route[0], path, body, headers={"Idempotency-Key": key})
    events = _events(world.api)
    second = client.request(route[0], path, body, headers={"Idempotency-Key": key})
    assert "idempotency-replayed" not in first.headers
    assert (second.status, second.headers["idempotency-replayed"]) == (first.status, "true")
    once = {"key", "invite_url", "secret"}
    assert second.data == {name: None if name in once else value for name, value in first.data.items()}
    assert _events(world.api) == events


def _events(api: Api) -> int:
    ((count,),) = api.database.rows("select count(*) from events")
    assert count > 0
    return int(count)
