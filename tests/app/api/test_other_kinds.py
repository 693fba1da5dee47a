"""The id of something else is the id of nothing: a key is no member, and an invitation no session."""

import pytest

from tests.app.api.organization.invite import INVITE
from tests.app.organizations import Api
from tests.app.people import person
from tests.app.scopes import RULES, Route

ABOUT_ONE = sorted(route for route in RULES if "{" in route[1])


class World:
    """An organization with one of everything. `ids`: by what routes call them."""

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


@pytest.mark.parametrize("route", ABOUT_ONE, ids=" ".join)
def test_what_is_of_another_kind_does_not_exist(world: World, route: Route) -> None:
    method, path = route
    before, _, rest = path.partition("{")
    own, _, after = rest.partition(":str}")

    def asked(one: str) -> tuple[int, bytes]:
        answer = world.client.request(method, before + one + after, RULES[route].body)
        return answer.status, answer.without_request_id

    events = world.events()
    nothing = asked("nothing")
    assert nothing[0] == 404
    for name, one in world.ids.items():
        if name != own:
            assert asked(one) == nothing, name
    assert world.events() == events
