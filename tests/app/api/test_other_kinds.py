"""Ids of another kind of resource are not found: a key id is not a member id."""

import pytest

from tests.app.api.organization.invite import INVITE
from tests.app.organizations import Api
from tests.app.people import person
from tests.app.scopes import RULES, Route

WITH_AN_ID = sorted(route for route in RULES if "{" in route[1])


class World:
    """An organization with one resource of each kind. `ids` has them by the parameter names of routes."""

    def __init__(self, api: Api) -> None:
        org = api.organization()
        owner, member = person(api, org.id, "owner"), person(api, org.id, "member")
        invited = owner.client.post(INVITE, {"email": "ada@example.com", "role": "viewer"}).data
        self.api = api
        self.client = owner.client
        self.ids = {
            "organization_id": org.id,
            "key_id": org.key().id,
            "mcp_id": org.mcp(),
            "user_id": member.id,
            "invite_id": invited["invite_id"],
            "session_id": member.session_id,
        }

    def events(self) -> list[list[str]]:
        return [self.api.events_of(stream_id) for stream_id in self.ids.values()]


@pytest.fixture(scope="module")
def world(api: Api) -> World:
    return World(api)


@pytest.mark.parametrize("route", WITH_AN_ID, ids=" ".join)
def test_an_id_of_another_kind_is_not_found(world: World, route: Route) -> None:
    method, path = route
    before, _, rest = path.partition("{")
    own, _, after = rest.partition("}")

    def response(resource_id: str) -> tuple[int, bytes]:
        answer = world.client.request(method, before + resource_id + after, RULES[route].body)
        return answer.status, answer.without_request_id

    events = world.events()
    not_found = response("nothing")
    assert not_found[0] == 404
    for name, resource_id in world.ids.items():
        if name != own:
            assert response(resource_id) == not_found, name
    assert world.events() == events
