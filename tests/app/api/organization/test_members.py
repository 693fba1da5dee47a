"""The list of members and their roles."""

import re

import pytest

from domain.grants import GRANTS, Grant
from domain.keys.permissions import Permissions
from domain.members.events import Role
from tests.app.api.api_keys.shapes import INSTANT, PAGINATION
from tests.app.api.organization.invite import INVITE, MEMBERS
from tests.app.organizations import Api, Key, Organization
from tests.app.people import Person, person


@pytest.fixture
def owner(api: Api, org: Organization) -> Person:
    return person(api, org.id, "owner")


def key(org: Organization, *manage: Grant, **fields: object) -> Key:
    return org.seeded_key(permissions=Permissions(mcps="*", manage=manage), **fields)


def roles(org: Organization) -> dict[str, Role]:
    return {member["user_id"]: member["role"] for member in org.client.get(MEMBERS).data}


def test_members_are_listed_in_the_order_in_which_they_joined(api: Api, org: Organization) -> None:
    people = [person(api, org.id, role) for role in ("owner", "viewer", "admin")]
    answer = org.client.get(MEMBERS)
    assert [member["user_id"] for member in answer.data] == [member.id for member in people]
    assert set(answer.json["pagination"]) == PAGINATION
    shown = answer.data[1]
    assert set(shown) == {"user_id", "email", "role", "joined_at", "revision"}
    assert (shown["email"], shown["role"]) == (people[1].email, "viewer")
    assert re.fullmatch(INSTANT, shown["joined_at"])


def test_a_member_is_returned_with_the_revision_of_the_membership(api: Api, org: Organization, owner: Person) -> None:
    member = person(api, org.id, "viewer")
    answer = org.client.get(f"{MEMBERS}/{member.id}")
    assert answer.data == org.client.get(MEMBERS).data[1]
    assert answer.headers["etag"] == '"1"'
    for absent in (person(api, api.organization().id, "owner").id, "user_" + "0" * 26):
        assert org.client.get(f"{MEMBERS}/{absent}").code == "not_found"


def test_the_list_has_a_role_filter_and_pages(api: Api, org: Organization, owner: Person) -> None:
    viewers = [person(api, org.id, "viewer").id for _ in range(5)]
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = org.client.get(MEMBERS, {"role": "viewer", "per_page": 2, **({"cursor": cursor} if cursor else {})})
        found += [member["user_id"] for member in answer.data]
        assert answer.json["pagination"]["total"] == 5
        cursor = answer.json["pagination"]["next_cursor"]
    assert found == viewers
    second = org.client.get(MEMBERS, {"role": "viewer", "per_page": 2, "page": 2})
    assert [member["user_id"] for member in second.data] == viewers[2:4]
    assert 'rel="next"' in second.headers["link"]
    assert [member["user_id"] for member in org.client.get(MEMBERS, {"role": "owner"}).data] == [owner.id]
    assert org.client.get(MEMBERS, {"role": "boss"}).code == "validation_error"


def test_members_of_another_organization_are_not_found(api: Api, org: Organization, owner: Person) -> None:
    member = person(api, org.id, "member")
    stranger = person(api, api.organization().id, "owner").client
    assert member.id not in str(stranger.get(MEMBERS).data)
    for method, path, body in (
        ("PATCH", MEMBERS, {"role": "viewer"}),
        ("DELETE", MEMBERS, None),
        ("POST", "transfer-ownership", None),
    ):
        path_of_member = f"{MEMBERS}/{member.id}" + ("" if path == MEMBERS else f"/{path}")
        path_of_unknown = path_of_member.replace(member.id, f"user_{'0' * 26}")
        foreign, absent = (
            stranger.request(method, path_of_member, body),
            stranger.request(method, path_of_unknown, body),
        )
        assert (foreign.status, foreign.code) == (404, "not_found")
        assert foreign.without_request_id == absent.without_request_id
    assert roles(org)[member.id] == "member"


def test_a_changed_role_applies_immediately(api: Api, org: Organization, owner: Person) -> None:
    member = person(api, org.id, "viewer")
    assert member.client.get(MEMBERS).status == 403
    changed = owner.client.patch(f"{MEMBERS}/{member.id}", {"role": "auditor"})
    assert (changed.data["role"], changed.data["email"], changed.data["keys_narrowed"]) == ("auditor", member.email, 0)
    assert changed.headers["x-revision"] == "2"
    assert member.client.get(MEMBERS).status == 200
    assert owner.client.patch(f"{MEMBERS}/{member.id}", {"role": "auditor"}).headers["x-revision"] == "2"
    owner.client.patch(f"{MEMBERS}/{member.id}", {"role": "viewer"})
    assert member.client.get(MEMBERS).status == 403
    stale = owner.client.patch(f"{MEMBERS}/{member.id}", {"role": "admin"}, if_match='"2"')
    assert (stale.status, stale.code) == (412, "revision_mismatch")


def test_the_revision_in_the_list_matches_the_precondition_of_a_change(
    api: Api, org: Organization, owner: Person
) -> None:
    member = person(api, org.id, "viewer")

    def listed_revision() -> int:
        (shown,) = [each for each in owner.client.get(MEMBERS).data if each["user_id"] == member.id]
        revision: int = shown["revision"]
        return revision

    first = listed_revision()
    changed = owner.client.patch(f"{MEMBERS}/{member.id}", {"role": "auditor"}, if_match=f'"{first}"')
    assert (changed.status, changed.data["revision"], listed_revision()) == (200, 2, 2)
    assert owner.client.delete(f"{MEMBERS}/{member.id}", if_match=f'"{first}"').status == 412
    transferred = owner.client.post(f"{MEMBERS}/{member.id}/transfer-ownership", if_match='"2"')
    assert (transferred.data["role"], transferred.data["revision"], listed_revision()) == ("owner", 3, 3)


def test_a_member_cannot_change_their_own_role_or_the_owners_role(api: Api, org: Organization, owner: Person) -> None:
    admin = person(api, org.id, "admin")
    for client, user_id in ((admin.client, admin.id), (owner.client, owner.id), (admin.client, owner.id)):
        refused = client.patch(f"{MEMBERS}/{user_id}", {"role": "viewer"})
        assert (refused.status, refused.code) == (403, "forbidden")
    assert roles(org) == {owner.id: "owner", admin.id: "admin"}


def test_the_owner_role_cannot_be_assigned(api: Api, org: Organization, owner: Person) -> None:
    admin = person(api, org.id, "admin")
    for client in (owner.client, org.client):
        refused = client.patch(f"{MEMBERS}/{admin.id}", {"role": "owner"})
        assert (refused.status, refused.code) == (403, "forbidden")


@pytest.mark.parametrize("role", ["viewer", "member", "auditor"])
def test_only_admins_and_the_owner_manage_people(api: Api, org: Organization, owner: Person, role: Role) -> None:
    client = person(api, org.id, role).client
    for answer in (
        client.post(INVITE, {"email": "someone@example.com", "role": "viewer"}),
        client.patch(f"{MEMBERS}/{owner.id}", {"role": "viewer"}),
        client.delete(f"{MEMBERS}/{owner.id}"),
    ):
        assert (answer.status, answer.details) == (403, {"required": ["members:write"]})


def test_a_key_cannot_assign_a_role_with_more_grants_than_its_own(api: Api, org: Organization, owner: Person) -> None:
    member = person(api, org.id, "viewer")
    weak = key(org, "members:write", "keys:read", "mcps:read", "usage:read", "organization:read").client
    for refused in (
        weak.post(INVITE, {"email": "someone@example.com", "role": "member"}),
        weak.patch(f"{MEMBERS}/{member.id}", {"role": "member"}),
    ):
        assert (refused.status, refused.details) == (403, {"required": ["keys:write"]})
    assert weak.post(INVITE, {"email": "someone@example.com", "role": "viewer"}).status == 201
    assert roles(org)[member.id] == "viewer"


def test_a_key_can_narrow_or_remove_a_member_with_more_grants(api: Api, org: Organization, owner: Person) -> None:
    admin, member = person(api, org.id, "admin"), person(api, org.id, "member")
    weak = key(org, "members:write", "members:read").client
    assert weak.patch(f"{MEMBERS}/{admin.id}", {"role": "viewer"}).data["role"] == "viewer"
    assert weak.delete(f"{MEMBERS}/{member.id}").data["removed"] is True


def test_a_test_key_or_a_key_with_allowed_ips_cannot_assign_a_role(org: Organization) -> None:
    for fields in ({"environment": "test"}, {"allowed_ips": ("127.0.0.0/8",)}):
        refused = key(org, *GRANTS, **fields).client.post(INVITE, {"email": "someone@example.com", "role": "viewer"})
        assert (refused.status, set(refused.details)) == (403, set(fields))
