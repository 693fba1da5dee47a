"""The plan's limit of members holds however many come at once."""

from tests.app.api.organization.invite import INVITATIONS, INVITE, MEMBERS, accept, invited
from tests.app.client import concurrently
from tests.app.organizations import Api
from tests.app.people import person
from tests.random_input import random_email

LIMIT = 5
"""Of the plan `pro`."""


def an_address() -> str:
    return random_email()


def test_of_many_who_accept_at_once_no_more_join_than_the_plan_allows(api: Api) -> None:
    org = api.organization("pro")
    owner = person(api, org.id, "owner")
    links = [invited(owner.client, an_address()) for _ in range(12)]
    answers = concurrently(links, lambda link: accept(api, link))
    joined = [answer for answer in answers if answer.status < 400]
    assert len(joined) == LIMIT - 1
    assert {answer.status for answer in answers if answer.status >= 400} == {403}
    assert len(owner.client.get(MEMBERS).data) == LIMIT
    usage = owner.client.get("/v1/organization").data["usage"]
    assert usage["team_members"] == LIMIT


def test_at_the_limit_nobody_is_invited_until_someone_leaves(api: Api) -> None:
    org = api.organization("pro")
    owner = person(api, org.id, "owner")
    viewers = [person(api, org.id, "viewer") for _ in range(LIMIT - 2)]
    waiting = invited(owner.client, an_address())
    last = person(api, org.id, "viewer")
    refused = owner.client.post(INVITE, {"email": an_address(), "role": "viewer"})
    assert (refused.status, refused.code) == (403, "member_limit_reached")
    assert refused.details == {"limit": LIMIT, "used": LIMIT, "plan": "pro"}
    assert accept(api, waiting).status == 403
    assert len(owner.client.get(INVITATIONS).data) == 1, "who could not join can still do so later"
    owner.client.delete(f"{MEMBERS}/{last.id}")
    assert accept(api, waiting).status < 400
    assert len(viewers) == LIMIT - 2
