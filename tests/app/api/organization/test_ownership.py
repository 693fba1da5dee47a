"""One owner per organization, at all times."""

import pytest

from tests.app.api.organization.invite import MEMBERS
from tests.app.client import Answer, concurrently
from tests.app.organizations import Api, Organization
from tests.app.people import Person, person


@pytest.fixture
def owner(api: Api, org: Organization) -> Person:
    return person(api, org.id, "owner")


def transfer(by: Person, to_user_id: str, **headers: str) -> Answer:
    return by.client.post(f"{MEMBERS}/{to_user_id}/transfer-ownership", **headers)


def roles(org: Organization) -> dict[str, str]:
    return {member["user_id"]: member["role"] for member in org.client.get(MEMBERS).data}


def test_the_owner_hands_over_and_stays_as_an_admin(api: Api, org: Organization, owner: Person) -> None:
    viewer = person(api, org.id, "viewer")
    answer = transfer(owner, viewer.id)
    assert (answer.data["user_id"], answer.data["role"], answer.data["email"]) == (viewer.id, "owner", viewer.email)
    assert roles(org) == {owner.id: "admin", viewer.id: "owner"}
    assert api.events_of(owner.id) == ["team.member_added", "team.ownership_transferred"]
    assert api.events_of(viewer.id) == ["team.member_added", "team.ownership_received"]
    assert owner.client.patch("/v1/organization", {"plan": "pro"}).status == 403
    assert viewer.client.patch("/v1/organization", {"plan": "pro"}).status == 200
    assert viewer.client.delete(f"{MEMBERS}/{owner.id}").status == 200


def test_nobody_else_hands_over(api: Api, org: Organization, owner: Person) -> None:
    """Not a key either, whatever its grants."""
    admin = person(api, org.id, "admin")
    path = f"{MEMBERS}/{admin.id}/transfer-ownership"
    for client in (admin.client, org.client):
        refused = client.post(path)
        assert (refused.status, refused.code) == (403, "forbidden")
    assert api.client().post(path).status == 401
    assert roles(org) == {owner.id: "owner", admin.id: "admin"}


def test_the_owner_does_not_hand_over_to_themselves_or_to_nobody(org: Organization, owner: Person) -> None:
    assert transfer(owner, owner.id).status == 409
    assert transfer(owner, f"user_{'0' * 26}").status == 404
    assert roles(org) == {owner.id: "owner"}


def test_a_repeat_is_refused_to_whoever_is_not_the_owner_any_more(api: Api, org: Organization, owner: Person) -> None:
    """As to a key that revoked itself: who may ask is decided first, and not by what was answered before."""
    member = person(api, org.id, "member")
    first = transfer(owner, member.id, idempotency_key="hand-over")
    assert first.status == 200
    again = transfer(owner, member.id, idempotency_key="hand-over")
    assert (again.status, again.code) == (403, "forbidden")
    assert roles(org) == {owner.id: "admin", member.id: "owner"}


@pytest.mark.parametrize("_", range(5))
def test_of_two_transfers_at_once_one_is_made(api: Api, org: Organization, owner: Person, _: int) -> None:
    heirs = [person(api, org.id, "admin") for _ in range(2)]
    answers = concurrently(heirs, lambda heir: transfer(owner, heir.id))
    statuses = sorted(answer.status for answer in answers)
    assert statuses[0] == 200
    assert statuses[1] in {403, 409}
    assert sorted(roles(org).values()) == ["admin", "admin", "owner"]
    assert roles(org)[owner.id] == "admin"


def test_a_transfer_and_a_removal_of_the_heir_at_once_leave_one_owner(
    api: Api, org: Organization, owner: Person
) -> None:
    heir, admin = person(api, org.id, "admin"), person(api, org.id, "admin")
    asks = [lambda: transfer(owner, heir.id), lambda: admin.client.delete(f"{MEMBERS}/{heir.id}")]
    concurrently(asks, lambda ask: ask())
    assert sorted(roles(org).values()).count("owner") == 1
