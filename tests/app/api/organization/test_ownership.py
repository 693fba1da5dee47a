"""Transfers of ownership: an organization always has exactly one owner."""

import pytest

from tests.app.api.organization.invite import MEMBERS
from tests.app.client import Response, concurrently
from tests.app.organizations import Api, Organization
from tests.app.people import Person, person


@pytest.fixture
def owner(api: Api, org: Organization) -> Person:
    return person(api, org.id, "owner")


def transfer(by: Person, to_user_id: str, **headers: str) -> Response:
    return by.client.post(f"{MEMBERS}/{to_user_id}/transfer-ownership", **headers)


def roles(org: Organization) -> dict[str, str]:
    return {member["user_id"]: member["role"] for member in org.client.get(MEMBERS).data}


def test_the_previous_owner_stays_as_an_admin(api: Api, org: Organization, owner: Person) -> None:
    viewer = person(api, org.id, "viewer")
    answer = transfer(owner, viewer.id)
    assert (answer.data["user_id"], answer.data["role"], answer.data["email"]) == (viewer.id, "owner", viewer.email)
    assert roles(org) == {owner.id: "admin", viewer.id: "owner"}
    assert api.events_of(owner.id) == ["team.member_added", "team.ownership_transferred"]
    assert api.events_of(viewer.id) == ["team.member_added", "team.ownership_received"]
    assert owner.client.patch("/v1/organization", {"plan": "pro"}).status == 403
    assert viewer.client.patch("/v1/organization", {"plan": "pro"}).status == 200
    assert viewer.client.delete(f"{MEMBERS}/{owner.id}").status == 200


def test_only_the_owner_can_transfer_ownership(api: Api, org: Organization, owner: Person) -> None:
    """Keys with all grants are refused as well."""
    admin = person(api, org.id, "admin")
    path = f"{MEMBERS}/{admin.id}/transfer-ownership"
    for client in (admin.client, org.client):
        refused = client.post(path)
        assert (refused.status, refused.code) == (403, "forbidden")
    assert api.client().post(path).status == 401
    assert roles(org) == {owner.id: "owner", admin.id: "admin"}


def test_ownership_cannot_be_transferred_to_the_owner_or_an_unknown_user(org: Organization, owner: Person) -> None:
    assert transfer(owner, owner.id).status == 409
    assert transfer(owner, f"user_{'0' * 26}").status == 404
    assert roles(org) == {owner.id: "owner"}


def test_a_repeated_transfer_is_refused_because_the_caller_is_no_longer_the_owner(
    api: Api, org: Organization, owner: Person
) -> None:
    """Authorization is checked before the stored response, as for a key that revoked itself."""
    member = person(api, org.id, "member")
    first = transfer(owner, member.id, idempotency_key="hand-over")
    assert first.status == 200
    again = transfer(owner, member.id, idempotency_key="hand-over")
    assert (again.status, again.code) == (403, "forbidden")
    assert roles(org) == {owner.id: "admin", member.id: "owner"}


@pytest.mark.parametrize("_", range(5))
def test_only_one_of_two_concurrent_transfers_succeeds(api: Api, org: Organization, owner: Person, _: int) -> None:
    successors = [person(api, org.id, "admin") for _ in range(2)]
    answers = concurrently(successors, lambda successor: transfer(owner, successor.id))
    statuses = sorted(answer.status for answer in answers)
    assert statuses[0] == 200
    assert statuses[1] in {403, 409}
    assert sorted(roles(org).values()) == ["admin", "admin", "owner"]
    assert roles(org)[owner.id] == "admin"


def test_a_concurrent_transfer_and_removal_of_the_successor_leave_one_owner(
    api: Api, org: Organization, owner: Person
) -> None:
    successor, admin = person(api, org.id, "admin"), person(api, org.id, "admin")
    requests = [lambda: transfer(owner, successor.id), lambda: admin.client.delete(f"{MEMBERS}/{successor.id}")]
    concurrently(requests, lambda send: send())
    assert sorted(roles(org).values()).count("owner") == 1
