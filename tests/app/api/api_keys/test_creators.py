"""GET /v1/api-keys/creators: the people who created keys, with the number of their keys."""

from tests.app.organizations import Api, Organization
from tests.app.people import Person, person

CREATORS = "/v1/api-keys/creators"


def make(creator: Person, number: int) -> list[str]:
    """Create keys and return their ids."""
    return [creator.client.post("/v1/api-keys", {"name": f"Key {each}"}).data["id"] for each in range(number)]


def test_people_are_listed_with_the_number_of_their_keys_most_keys_first(api: Api, org: Organization) -> None:
    few, many = person(api, org.id, "member"), person(api, org.id, "admin")
    make(few, 1)
    (revoked, *_) = make(many, 3)
    many.client.post(f"/v1/api-keys/{revoked}/revoke")
    org.key(name="Created with a key")
    person(api, org.id, "admin")
    assert org.client.get(CREATORS).data == [
        {"id": many.id, "email": many.email, "keys": 3},
        {"id": few.id, "email": few.email, "keys": 1},
    ]


def test_each_number_is_the_total_of_the_list_of_their_keys(api: Api, org: Organization) -> None:
    for number in (1, 2):
        make(person(api, org.id, "admin"), number)
    found = org.client.get(CREATORS).data
    assert len(found) == 2
    for creator in found:
        pagination = org.client.get("/v1/api-keys", {"created_by": creator["id"]}).json["pagination"]
        assert pagination["total"] == creator["keys"]
        assert "total_exact" not in pagination, "the total is exact"


def test_a_former_member_is_listed(api: Api, org: Organization) -> None:
    former, admin = person(api, org.id, "member"), person(api, org.id, "admin")
    make(former, 2)
    admin.client.delete(f"/v1/organization/members/{former.id}")
    assert org.client.get(CREATORS).data == [{"id": former.id, "email": former.email, "keys": 2}]


def test_a_member_sees_only_themselves(api: Api, org: Organization) -> None:
    member, other = person(api, org.id, "member"), person(api, org.id, "admin")
    make(other, 1)
    assert member.client.get(CREATORS).data == []
    make(member, 1)
    assert member.client.get(CREATORS).data == [{"id": member.id, "email": member.email, "keys": 1}]


def test_another_organization_sees_none_of_them(api: Api, org: Organization) -> None:
    make(person(api, org.id, "admin"), 1)
    assert api.organization().client.get(CREATORS).data == []
