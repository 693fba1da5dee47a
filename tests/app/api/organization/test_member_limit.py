"""The member limit of a plan, also for concurrent acceptances."""

from tests.app.api.organization.invite import INVITATIONS, INVITE, MEMBERS, accept, invite
from tests.app.client import concurrently
from tests.app.organizations import Api
from tests.app.people import person
from tests.random_input import random_email

LIMIT = 5
"""The member limit of the plan `pro`."""


def new_email() -> str:
    return random_email()


def test_concurrent_acceptances_do_not_exceed_the_member_limit(api: Api) -> None:
    org = api.organization("pro")
    owner = person(api, org.id, "owner")
    links = [invite(owner.client, new_email()) for _ in range(12)]
    answers = concurrently(links, lambda link: accept(api, link))
    joined = [answer for answer in answers if answer.status < 400]
    assert len(joined) == LIMIT - 1
    assert {answer.status for answer in answers if answer.status >= 400} == {403}
    assert len(owner.client.get(MEMBERS).data) == LIMIT
    usage = owner.client.get("/v1/organization").data["usage"]
    assert usage["team_members"] == LIMIT


def test_no_person_can_be_invited_at_the_limit_until_a_member_leaves(api: Api) -> None:
    org = api.organization("pro")
    owner = person(api, org.id, "owner")
    viewers = [person(api, org.id, "viewer") for _ in range(LIMIT - 2)]
    waiting = invite(owner.client, new_email())
    last = person(api, org.id, "viewer")
    refused = owner.client.post(INVITE, {"email": new_email(), "role": "viewer"})
    assert (refused.status, refused.code) == (403, "member_limit_reached")
    assert refused.details == {"limit": LIMIT, "used": LIMIT, "plan": "pro"}
    assert accept(api, waiting).status == 403
    assert len(owner.client.get(INVITATIONS).data) == 1, "the refused invitation stays open"
    owner.client.delete(f"{MEMBERS}/{last.id}")
    assert accept(api, waiting).status < 400
    assert len(viewers) == LIMIT - 2
