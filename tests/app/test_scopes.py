"""The response of every route to every kind of caller, as the table in `scopes.py` requires.

Callers: people in every role, with and without the CSRF token, and a person whose session has ended; keys with each
single grant, with none, with all but one, and with all; keys that are revoked, disabled or expired; an unknown key; and
a caller without credentials. The requests name a resource that does not exist or have an invalid body, so that the
status shows whether the caller was admitted, and nothing is created. One valid request for each route shows that it
succeeds.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx2
import pytest

from app.auth.sessions import csrf_token
from domain.actor import EXPIRY_ALERTS
from domain.alerts.commands import RaiseAlert
from domain.grants import GRANTS, Grant
from domain.keys.permissions import Permissions
from domain.members.events import Role
from infrastructure.clock import new_id, now
from infrastructure.database.connections import WORKER_ROLE, pool
from tests.app.client import Client, Response, concurrently
from tests.app.organizations import Api, Key, Organization, unknown_secret
from tests.app.people import COOKIE, Person, person
from tests.app.routes import ALL, ANY_METHOD
from tests.app.scopes import MATRIX_SIZE, PUBLIC, ROLES, RULES, SIGNED, SIGNING_IN, Route, Rule
from workers.raise_alert import raise_alert

SAFE = {"GET", "HEAD"}

Target = dict[str, str]
"""Ids by the names of the path's parameters."""

restricted = pytest.mark.parametrize("route", RULES, ids=" ".join)
about_a_resource = pytest.mark.parametrize("route", [route for route in RULES if "{" in route[1]], ids=" ".join)


@dataclass(frozen=True)
class Expected:
    """An expected response: its status and, for a refusal, its code, required grants and challenge error."""

    status: int
    code: str | None = None
    required: tuple[str, ...] = ()
    challenge: str | None = None


UNAUTHORIZED = Expected(401, "unauthorized", challenge="invalid_token")
NO_CREDENTIALS = Expected(401, "unauthorized")
FORBIDDEN = Expected(403, "forbidden")


def admitted_status(rule: Rule) -> Expected:
    codes = {404: "not_found", 422: "validation_error"}
    return Expected(rule.admitted_status, codes.get(rule.admitted_status))


def missing_grant(grant: Grant) -> Expected:
    return Expected(403, "forbidden", (grant,), "insufficient_scope")


def expected_for_key(rule: Rule, grants: set[Grant]) -> Expected:
    if not rule.keys:
        return FORBIDDEN
    if rule.grant is not None and rule.grant not in grants:
        return missing_grant(rule.grant)
    return admitted_status(rule)


def expected_for_person(rule: Rule, method: str, role: Role, *, token: bool) -> Expected:
    if not rule.people:
        return NO_CREDENTIALS
    if method not in SAFE and not token:
        return FORBIDDEN
    if rule.owner and role != "owner":
        return Expected(403, "forbidden", ("owner",))
    if rule.grant is not None and rule.grant not in ROLES[role]:
        return missing_grant(rule.grant)
    return admitted_status(rule)


@dataclass
class World:
    """Two organizations. Ours has a person in every role and a key for each set of grants."""

    api: Api
    ours: Organization
    theirs: Organization
    people: dict[Role, Person]
    stranger: Person
    keys: dict[str, tuple[Client, set[Grant]]]
    dead: dict[str, Client]
    cells: int = 0
    routes: set[Route] = field(default_factory=set[Route])


@pytest.fixture(scope="module")
def world(api: Api, request: pytest.FixtureRequest) -> Iterator[World]:
    ours, theirs = api.organization("enterprise"), api.organization("enterprise")
    roles: tuple[Role, ...] = ("owner", "admin", "auditor", "member", "viewer")
    people: dict[Role, Person] = {role: person(api, ours.id, role) for role in roles}
    held: dict[str, set[Grant]] = {grant: {grant} for grant in GRANTS}
    held |= {f"all but {grant}": set(GRANTS) - {grant} for grant in GRANTS} | {"none": set(), "all": set(GRANTS)}
    keys = {name: (key_with(ours, grants).client, grants) for name, grants in held.items()}
    revoked, disabled = key_with(ours, set(GRANTS)), key_with(ours, set(GRANTS))
    ours.client.post(f"{revoked.path}/revoke")
    ours.client.post(f"{disabled.path}/disable")
    expired = ours.expired_key(permissions=Permissions(mcps="*", manage=GRANTS))
    dead = {
        "revoked_key": revoked.client,
        "disabled_key": disabled.client,
        "expired_key": expired.client,
        "unauthorized": api.client(unknown_secret()),
    }
    world = World(api, ours, theirs, people, person(api, theirs.id, "owner"), keys, dead)
    yield world
    callers = f"{len(people)} roles with and without token, {len(keys) + len(dead)} keys, an ended session, anonymous"
    request.config.stash[MATRIX_SIZE] = f"{world.cells} cells; {len(world.routes)} restricted routes by {callers}"


def key_with(org: Organization, grants: set[Grant]) -> Key:
    manage: tuple[Grant, ...] = tuple([grant for grant in GRANTS if grant in grants])
    return org.seeded_key(permissions=Permissions(mcps="*", manage=manage))


def test_every_route_is_in_the_table() -> None:
    assert set(RULES) | PUBLIC | SIGNING_IN | SIGNED == ALL


def test_no_route_is_in_the_table_twice() -> None:
    assert not set(RULES) & PUBLIC
    assert not (set(RULES) | PUBLIC) & (SIGNING_IN | SIGNED)


@restricted
def test_every_caller_gets_the_response_in_the_table(world: World, route: Route) -> None:
    rule, method = RULES[route], route[0]
    cells: list[tuple[str, Client, Expected]] = [
        ("no credentials", world.api.client(), NO_CREDENTIALS),
        *(
            (f"a key: {code}", client, Expected(401, code, challenge="invalid_token"))
            for code, client in world.dead.items()
        ),
        *((f"a key with {name}", client, expected_for_key(rule, held)) for name, (client, held) in world.keys.items()),
        ("an ended session", ended_session(world), UNAUTHORIZED if rule.people else NO_CREDENTIALS),
    ]
    for token in (False, True):
        # Each caller has a separate session, because some routes end it. Callers with a token come last, because one
        # route ends all other sessions.
        for role in world.people:
            expected = expected_for_person(rule, method, role, token=token)
            cells.append((f"{role}, token: {token}", session_of(world, role, token=token), expected))
    last = len(cells) - len(world.people)
    responses = [
        response
        for part in (cells[:last], cells[last:])
        for response in concurrently(part, lambda cell: send(cell[1], route, rule))
    ]
    wrong = [
        f"{name}: expected {expected}, got {response.status} {response.content[:300]!r}"
        for (name, _, expected), response in zip(cells, responses, strict=True)
        if not fits(response, expected)
    ]
    world.cells += len(cells)
    world.routes.add(route)
    assert not wrong, "\n".join(wrong)


@about_a_resource
def test_a_resource_of_another_organization_does_not_exist(world: World, route: Route) -> None:
    """The same applies to a key or a session of another member, where members see only what belongs to them."""
    rule = RULES[route]
    target = create_target(world, route)
    callers = [world.theirs.client] if rule.keys else []
    callers += [session_of_person(world.api, world.stranger)] if rule.people else []
    if rule.own:
        callers.append(session_of(world, "member", token=True))
    if "{session_id}" in route[1]:
        callers += [session_of(world, role, token=True) for role in world.people]
    assert callers
    for caller in callers:
        foreign, absent = send(caller, route, rule, target), send(caller, route, rule)
        assert (foreign.status, foreign.code) == (404, "not_found")
        assert foreign.without_request_id == absent.without_request_id
        assert _headers(foreign) == _headers(absent)
    world.cells += 2 * len(callers)


@pytest.mark.parametrize("route", [route for route, rule in RULES.items() if rule.own], ids=" ".join)
def test_a_member_can_manage_keys_that_they_created(world: World, route: Route) -> None:
    member = session_of(world, "member", token=True)
    own: str = member.post("/v1/api-keys", {"name": "Own"}).data["id"]
    if route[1].endswith("/enable"):
        member.post(f"/v1/api-keys/{own}/disable")
    assert send(member, route, RULES[route], {"key_id": own}).status == 200
    world.cells += 1


@pytest.mark.parametrize("route", [route for route, rule in RULES.items() if rule.grant], ids=" ".join)
def test_the_required_grants_suffice_for_a_valid_request(world: World, route: Route) -> None:
    rule = RULES[route]
    assert rule.grant is not None
    key = key_with(world.ours, {rule.grant, *rule.also}).client
    target = create_target(world, route) if "{" in route[1] else None
    assert send(key, route, rule, target, rule.body).status in {200, 201}
    world.cells += 1


@pytest.mark.parametrize("route", [r for r, rule in RULES.items() if rule.grant or not rule.keys], ids=" ".join)
def test_a_refused_request_of_a_key_is_recorded(world: World, route: Route) -> None:
    caller = world.ours.seeded_key(permissions=Permissions(mcps="*"))
    send(caller.client, route, RULES[route])
    newest = world.ours.activity(caller)[0]
    assert (newest["action"], newest["status"], newest["reason"]) == ("manage", "denied", "forbidden")


@pytest.mark.parametrize("route", sorted(PUBLIC), ids=" ".join)
def test_a_public_route_needs_no_credentials(world: World, route: Route) -> None:
    callers = [
        world.api.client(),
        *world.dead.values(),
        *[session_of(world, role, token=True) for role in world.people],
    ]
    path = route[1].replace("{code}", "conflict")
    assert {response.status for response in concurrently(callers, lambda caller: caller.request(route[0], path))} == {
        200
    }
    world.cells += len(callers)


@pytest.mark.parametrize("route", sorted(SIGNING_IN), ids=" ".join)
def test_sign_in_routes_ignore_a_key(world: World, route: Route) -> None:
    def status_and_location(headers: dict[str, str]) -> tuple[int, str | None]:
        response = httpx2.request(route[0], world.api.url + route[1], headers=headers)
        return response.status_code, response.headers.get("location")

    key, _ = world.keys["all"]
    assert status_and_location({"Authorization": f"Bearer {key.secret}"}) == status_and_location({})
    world.cells += 2


@pytest.mark.parametrize("path", sorted({path for _, path in RULES} - ANY_METHOD))
def test_options_needs_no_key_and_lists_the_methods(world: World, path: str) -> None:
    response = send(world.api.client(), ("OPTIONS", path), Rule())
    assert response.status == 405
    methods = {method for method, known in ALL if known == path}
    assert set(response.headers["allow"].split(", ")) == methods | ({"HEAD"} if "GET" in methods else set())


def send(
    caller: Client, route: Route, rule: Rule, target: Target | None = None, body: dict[str, object] | None = None
) -> Response:
    """Send a request about `target` or, by default, about a resource that does not exist."""
    method, path = route
    for name, kind in _PARAMETERS.items():
        path = path.replace(f"{{{name}}}", (target or {}).get(name, f"{kind}_{'0' * 26}"))
    sent = {"surprise": True} if rule.admitted_status == 422 else rule.body
    return caller.request(method, path, sent if body is None else body)


_PARAMETERS = {
    "key_id": "key",
    "mcp_id": "mcp",
    "event_id": "evt",
    "alert_id": "alert",
    "user_id": "user",
    "invite_id": "invite",
    "session_id": "ses",
    "webhook_id": "hook",
    "delivery_id": "msg",
}


def create_target(world: World, route: Route) -> Target:
    """Create a resource of the kind that the path names, in our organization. Return its ids."""
    if "{delivery_id}" in route[1]:
        return _delivery(world)
    (name,) = [name for name in _PARAMETERS if f"{{{name}}}" in route[1]]
    makers: dict[str, Callable[[], str]] = {
        "webhook_id": lambda: _webhook(world),
        "key_id": lambda: _key(world, disabled=route[1].endswith("/enable")),
        "mcp_id": world.ours.mcp,
        "event_id": lambda: world.ours.client.get(route[1].removesuffix("/{event_id}")).data[0]["id"],
        "alert_id": lambda: _alert(world),
        "user_id": lambda: person(world.api, world.ours.id, "viewer").id,
        "invite_id": lambda: _invitation(world),
        "session_id": lambda: person(world.api, world.ours.id, "viewer").session_id,
    }
    return {name: makers[name]()}


def _webhook(world: World) -> str:
    webhook: str = world.ours.client.post("/v1/webhooks", {"url": "https://example.com/hooks"}).data["id"]
    # Stay below the maximum number of webhooks of an organization.
    for each in world.ours.client.get("/v1/webhooks", {"per_page": 100}).data[10:]:
        world.ours.client.delete(f"/v1/webhooks/{each['id']}")
    return webhook


def _delivery(world: World) -> Target:
    webhook_id = _webhook(world)
    delivery_id = new_id("msg")
    world.api.database.rows(
        """insert into webhook_deliveries (delivery_id, organization_id, webhook_id, event_id, position, subject, event,
        body, created_at, due_at) values (%s, %s, %s, %s, 1, '', 'api_key.created', '{}', now(), now())""",
        delivery_id,
        world.ours.id,
        webhook_id,
        new_id("evt"),
    )
    return {"webhook_id": webhook_id, "delivery_id": delivery_id}


def _key(world: World, *, disabled: bool) -> str:
    key = world.ours.key()
    if disabled:
        world.ours.client.post(f"{key.path}/disable")
    return key.id


def _invitation(world: World) -> str:
    body = {"email": f"{new_id('user')}@example.com", "role": "viewer"}
    invitation: str = world.ours.client.post("/v1/organization/members/invite", body).data["invite_id"]
    return invitation


def _alert(world: World) -> str:
    alert = RaiseAlert(
        alert_id=new_id("alert"),
        organization_id=world.ours.id,
        alert_type="api_key.expiring",
        severity="warning",
        at=now(),
        key_id=world.ours.manager.id,
        numbers={"days": 7},
    )

    async def raise_it() -> None:
        async with pool(world.api.database.url, role=WORKER_ROLE) as connections:
            assert await raise_alert(connections, EXPIRY_ALERTS, alert)

    world.api.database.run(raise_it())
    return alert.alert_id


def session_of(world: World, role: Role, *, token: bool) -> Client:
    return session_of_person(world.api, world.people[role], token=token)


def session_of_person(api: Api, owner: Person, *, token: bool = True) -> Client:
    """Create a session of a person. Return its client, with or without the CSRF token."""
    _, secret = owner.session()
    return signed_in(api, secret, token=token)


def signed_in(api: Api, secret: str, *, token: bool) -> Client:
    headers = {"X_CSRF_Token": csrf_token(secret)} if token else {}
    return api.client(Cookie=f"{COOKIE}={secret}", **headers)


def ended_session(world: World) -> Client:
    client = session_of(world, "owner", token=True)
    assert client.delete("/v1/session").status == 200
    return client


def fits(response: Response, expected: Expected) -> bool:
    if response.status != expected.status:
        return False
    if expected.code is None:
        return True
    required = tuple(response.details.get("required", ())) if response.status == 403 else ()
    challenge = response.headers.get("www-authenticate", "")
    error = "" if expected.challenge is None else f'error="{expected.challenge}"'
    return (
        response.code == expected.code
        and required == expected.required
        and error in challenge
        and (expected.challenge is not None or "error=" not in challenge)
    )


def _headers(response: Response) -> dict[str, str]:
    """Return the headers without those that differ for every response: request id, time and rate limit."""
    varying = ("x-request-id", "date", "x-ratelimit-")
    return {name: value for name, value in response.headers.items() if not name.startswith(varying)}
