"""Members see only the keys that they created; any other key is a 404."""

from collections.abc import Callable

import pytest

from infrastructure.clock import now
from tests.app.api.api_keys.shapes import DETAIL
from tests.app.client import Client, Response
from tests.app.organizations import Api, Organization
from tests.app.people import Person, person

ROUTES: dict[str, Callable[[Client, str], Response]] = {
    "detail": lambda client, path: client.get(path),
    "activity": lambda client, path: client.get(f"{path}/activity"),
    "usage": lambda client, path: client.get(f"{path}/usage"),
    "change": lambda client, path: client.patch(path, {"name": "Another"}),
    "disable": lambda client, path: client.post(f"{path}/disable"),
    "enable": lambda client, path: client.post(f"{path}/enable"),
    "rotate": lambda client, path: client.post(f"{path}/rotate"),
    "revoke": lambda client, path: client.post(f"{path}/revoke"),
    "delete": lambda client, path: client.delete(path),
}


@pytest.fixture
def member(api: Api, org: Organization) -> Person:
    return person(api, org.id, "member")


def create_key(member: Person, **body: object) -> str:
    key_id: str = member.client.post("/v1/api-keys", {"name": "Mine", **body}).data["id"]
    return key_id


@pytest.mark.parametrize("route", ROUTES)
def test_a_member_gets_a_404_for_a_key_of_another_person(
    api: Api, org: Organization, member: Person, route: str
) -> None:
    colleague = person(api, org.id, "member")
    for key_id in (org.manager.id, create_key(colleague)):
        refused = ROUTES[route](member.client, f"/v1/api-keys/{key_id}")
        absent = ROUTES[route](member.client, f"/v1/api-keys/key_{'0' * 26}")
        assert (refused.status, refused.code) == (404, "not_found")
        assert refused.without_request_id == absent.without_request_id
    assert org.verify(org.manager.secret)["valid"] is True


@pytest.mark.parametrize("route", ROUTES)
def test_a_member_can_use_every_route_of_their_own_key(member: Person, route: str) -> None:
    assert ROUTES[route](member.client, f"/v1/api-keys/{create_key(member)}").status == 200


def test_a_member_lists_only_their_own_keys(api: Api, org: Organization, member: Person) -> None:
    colleague = person(api, org.id, "member")
    mine, theirs = create_key(member), create_key(colleague)
    assert [key["id"] for key in member.client.get("/v1/api-keys").data] == [mine]
    assert member.client.get("/v1/api-keys").json["pagination"]["total"] == 1
    assert [key["id"] for key in member.client.get("/v1/api-keys", {"created_by": member.id}).data] == [mine]
    assert member.client.get("/v1/api-keys", {"created_by": colleague.id}).data == []
    assert member.client.get("/v1/api-keys", {"q": "Manager"}).data == []
    auditor = person(api, org.id, "auditor")
    assert {mine, theirs, org.manager.id} == {key["id"] for key in auditor.client.get("/v1/api-keys").data}


def test_a_member_revokes_only_their_own_keys_in_bulk(api: Api, org: Organization, member: Person) -> None:
    colleague = person(api, org.id, "member")
    mine, theirs = create_key(member), create_key(colleague)
    for selector in ({"ids": [mine, theirs]}, {"created_by": colleague.id}, {"created_by": org.manager.id}):
        for dry_run in (True, False):
            body = {**selector, "reason": "compromised", "dry_run": dry_run}
            refused = member.client.post("/v1/api-keys/revoke", body)
            assert (refused.status, set(refused.details)) == (422, set(selector))
    everything = {"created_before": now().isoformat(), "reason": "compromised", "dry_run": False}
    revoked = member.client.post("/v1/api-keys/revoke", everything).data
    assert [key["id"] for key in revoked["keys"]] == [mine]
    assert org.client.get(f"/v1/api-keys/{theirs}").data["status"] == "active"


def test_a_key_has_its_member_as_creator(org: Organization, member: Person) -> None:
    detail = org.client.get(f"/v1/api-keys/{create_key(member)}").data
    assert set(detail) == DETAIL
    assert detail["created_by"] == {"id": member.id, "email": member.email, "name": member.email}


@pytest.mark.parametrize("grant", ["keys:read", "keys:write", "keys:verify", "mcps:write", "audit:read"])
def test_a_member_cannot_grant_a_key_more_than_their_role_has(member: Person, grant: str) -> None:
    body = {"name": "Too much", "permissions": {"mcps": "*", "manage": [grant]}}
    refused = member.client.post("/v1/api-keys", body)
    assert (refused.status, refused.code) == (403, "forbidden")
    assert refused.details == {"required": [grant]}
    mine = create_key(member)
    widened = member.client.patch(f"/v1/api-keys/{mine}", {"permissions": {"mcps": "*", "manage": [grant]}})
    assert (widened.status, widened.details) == (403, {"required": [grant]})


def test_a_member_can_grant_a_key_the_grants_of_their_role(member: Person) -> None:
    held = {"mcps": "*", "manage": ["mcps:read", "usage:read", "organization:read"]}
    made = member.client.post("/v1/api-keys", {"name": "Fits", "permissions": held}).data
    assert made["permissions"]["manage"] == held["manage"]


@pytest.mark.parametrize("role", ["viewer", "auditor"])
def test_a_role_without_keys_write_gets_the_missing_grant_in_the_refusal(
    api: Api, org: Organization, role: str
) -> None:
    refused = person(api, org.id, "viewer" if role == "viewer" else "auditor").client.post(
        "/v1/api-keys", {"name": "No"}
    )
    assert (refused.status, refused.details) == (403, {"required": ["keys:write"]})
