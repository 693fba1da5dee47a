"""Invitations: sending, withdrawing, accepting and expiry."""

import re
from datetime import datetime, timedelta

import pytest

from domain.grants import GRANTS
from domain.keys.permissions import Permissions
from infrastructure.clock import now
from tests.app.api.api_keys.shapes import INSTANT, PAGINATION
from tests.app.api.organization.invite import (
    INVITATIONS,
    INVITE,
    MEMBERS,
    accept,
    expired_link,
    invite,
    token_of,
)
from tests.app.client import concurrently
from tests.app.organizations import Api, Organization
from tests.app.people import Person, person
from tests.random_input import random_token

SENT = {"invite_id", "email", "role", "expires_at", "invite_url"}


def new_email() -> str:
    return f"{random_token()}@Example.com"


@pytest.fixture
def admin(api: Api, org: Organization) -> Person:
    return person(api, org.id, "admin")


def roles(org: Organization) -> dict[str, str]:
    return {member["email"]: member["role"] for member in org.client.get(MEMBERS).data}


def test_the_link_of_an_invitation_is_returned_only_once(api: Api, admin: Person) -> None:
    email = new_email()
    answer = admin.client.post(INVITE, {"email": email, "role": "auditor"})
    sent = answer.data
    assert (answer.status, set(sent)) == (201, SENT)
    assert (sent["email"], sent["role"]) == (email, "auditor")
    assert re.fullmatch(INSTANT, sent["expires_at"])
    lifetime = datetime.fromisoformat(sent["expires_at"]) - now()
    assert timedelta(days=6, hours=23) < lifetime <= timedelta(days=7)
    assert sent["invite_url"].startswith(f"{api.url}/invitations/accept?token=ki_")
    token = token_of(sent["invite_url"])
    assert len(token) >= 40
    (listed,) = admin.client.get(INVITATIONS).data
    assert token not in str(listed)
    assert set(listed) == {"invite_id", "email", "role", "invited_by", "invited_at", "expires_at"}
    assert listed["invited_by"] == {"id": admin.id, "email": admin.email, "name": admin.email}


def test_neither_the_token_nor_the_address_is_in_the_log(api: Api, admin: Person) -> None:
    email = new_email()
    url = invite(admin.client, email)
    accept(api, url)
    rows = api.database.rows(
        "select convert_from(body, 'UTF8') from events where organization_id = %s", admin.organization_id
    )
    log = "\n".join(row[0] for row in rows)
    assert "team.invitation_accepted" in log
    assert token_of(url) not in log
    assert email.partition("@")[0] not in log


def test_a_person_who_accepts_an_invitation_is_a_member_immediately(api: Api, org: Organization, admin: Person) -> None:
    email = new_email()
    url = invite(admin.client, email, "auditor")
    assert email not in roles(org)
    joined = accept(api, url)
    assert joined.status < 400, joined.content
    assert "keyledger_session=" in joined.headers["set-cookie"]
    assert roles(org)[email] == "auditor"
    assert admin.client.get(INVITATIONS).data == []
    assert api.database.rows("select count(*) from invitation_addresses where organization_id = %s", org.id) == [(0,)]


def test_concurrent_acceptances_of_one_link_add_one_member(api: Api, org: Organization, admin: Person) -> None:
    email = new_email()
    url = invite(admin.client, email)
    answers = concurrently([url] * 8, lambda link: accept(api, link))
    assert sorted(answer.status < 400 for answer in answers) == [False] * 7 + [True]
    assert [address for address in roles(org) if address == email] == [email]
    late = accept(api, url)
    assert late.status == 409
    assert b"has already been accepted" in late.content


def test_an_unknown_link_is_not_found(api: Api) -> None:
    assert accept(api, f"{api.url}/invitations/accept?token=ki_{'x' * 43}").status == 404


def test_inviting_an_address_again_replaces_its_invitation(api: Api, org: Organization, admin: Person) -> None:
    email = new_email()
    earlier = invite(admin.client, email, "admin")
    later = invite(admin.client, email.upper(), "viewer")
    (listed,) = admin.client.get(INVITATIONS).data
    assert (listed["email"], listed["role"]) == (email.upper(), "viewer")
    refused = accept(api, earlier)
    assert refused.status == 409
    assert b"withdrawn or replaced" in refused.content
    assert accept(api, later).status < 400
    assert roles(org)[email.upper()] == "viewer"


def test_a_withdrawn_invitation_cannot_be_accepted(api: Api, org: Organization, admin: Person) -> None:
    email = new_email()
    sent = admin.client.post(INVITE, {"email": email, "role": "member"}).data
    path = f"{INVITATIONS}/{sent['invite_id']}"
    assert admin.client.delete(path).data == {"withdrawn": True, "invite_id": sent["invite_id"]}
    assert admin.client.get(INVITATIONS).data == []
    assert accept(api, sent["invite_url"]).status == 409
    assert admin.client.delete(path).status == 200
    assert api.events_of(sent["invite_id"]) == ["team.member_invited", "team.invitation_revoked"]
    assert email not in roles(org)


def test_an_accepted_invitation_cannot_be_withdrawn(api: Api, admin: Person) -> None:
    sent = admin.client.post(INVITE, {"email": new_email(), "role": "member"}).data
    accept(api, sent["invite_url"])
    refused = admin.client.delete(f"{INVITATIONS}/{sent['invite_id']}")
    assert (refused.status, refused.code) == (409, "conflict")


def test_the_invitation_of_another_organization_is_not_found(api: Api, admin: Person) -> None:
    sent = admin.client.post(INVITE, {"email": new_email(), "role": "member"}).data
    stranger = person(api, api.organization().id, "admin").client
    foreign = stranger.delete(f"{INVITATIONS}/{sent['invite_id']}")
    absent = stranger.delete(f"{INVITATIONS}/invite_{'0' * 26}")
    assert (foreign.status, foreign.code) == (404, "not_found")
    assert foreign.without_request_id == absent.without_request_id
    assert stranger.get(INVITATIONS).data == []
    assert accept(api, sent["invite_url"]).status < 400


def test_an_address_belongs_to_one_member_of_an_organization_in_any_case(api: Api, admin: Person) -> None:
    email = new_email()
    accept(api, invite(admin.client, email))
    for spelling in (email, email.upper(), admin.email):
        refused = admin.client.post(INVITE, {"email": spelling, "role": "viewer"})
        assert (refused.status, refused.code) == (409, "already_exists")


def test_one_address_can_belong_to_a_person_in_each_organization(api: Api) -> None:
    email = new_email()
    ids: set[str] = set()
    for _ in range(2):
        org = api.organization()
        accept(api, invite(person(api, org.id, "owner").client, email))
        (member,) = [member for member in org.client.get(MEMBERS).data if member["email"] == email]
        ids.add(member["user_id"])
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "nobody", "role": "member"}, "email"),
        ({"email": "a@example.com\nBcc: b@example.com", "role": "member"}, "email"),
        ({"email": "a@example.com", "role": "boss"}, "role"),
        ({"role": "member"}, "email"),
        ({"email": "a@example.com"}, "role"),
        ({"email": "a@example.com", "role": "member", "name": "Ada"}, "name"),
    ],
)
def test_an_invalid_field_of_an_invitation_is_named(admin: Person, body: dict[str, str], field: str) -> None:
    refused = admin.client.post(INVITE, body)
    assert (refused.status, refused.code, set(refused.details)) == (422, "validation_error", {field})


def test_a_person_cannot_be_invited_as_the_owner(api: Api, org: Organization) -> None:
    owner = person(api, org.id, "owner")
    refused = owner.client.post(INVITE, {"email": new_email(), "role": "owner"})
    assert (refused.status, refused.code) == (403, "forbidden")


def test_a_repeated_invitation_gets_the_same_response_without_the_link(admin: Person) -> None:
    body = {"email": new_email(), "role": "member"}
    first = admin.client.post(INVITE, body, idempotency_key="invite-1")
    again = admin.client.post(INVITE, body, idempotency_key="invite-1")
    assert again.headers["idempotency-replayed"] == "true"
    assert again.data == {**first.data, "invite_url": None}
    assert len(admin.client.get(INVITATIONS).data) == 1


def test_open_invitations_are_listed_newest_first_with_pages(admin: Person) -> None:
    ids = [admin.client.post(INVITE, {"email": new_email(), "role": "viewer"}).data["invite_id"] for _ in range(5)]
    pages: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        params = {"per_page": 2, **({"cursor": cursor} if cursor else {})}
        answer = admin.client.get(INVITATIONS, params)
        assert set(answer.json["pagination"]) == PAGINATION
        assert answer.json["pagination"]["total"] == 5
        pages += [invitation["invite_id"] for invitation in answer.data]
        cursor = answer.json["pagination"]["next_cursor"]
    assert pages == ids[::-1]
    second = admin.client.get(INVITATIONS, {"per_page": 2, "page": 2}).data
    assert [invitation["invite_id"] for invitation in second] == ids[::-1][2:4]


def test_an_open_invitation_is_returned_as_in_the_list(api: Api, org: Organization, admin: Person) -> None:
    invite_id = admin.client.post(INVITE, {"email": new_email(), "role": "viewer"}).data["invite_id"]
    path = f"{INVITATIONS}/{invite_id}"
    assert [admin.client.get(path).data] == admin.client.get(INVITATIONS).data
    assert person(api, api.organization().id, "owner").client.get(path).code == "not_found"
    assert admin.client.get(f"{INVITATIONS}/inv_{'0' * 26}").code == "not_found"
    admin.client.delete(path)
    assert admin.client.get(path).code == "not_found"
    expired_link(api, org.id, new_email())
    (expired,) = api.database.rows(
        "select invitation_id from invitation_list where expires_at < now() and organization_id = %s", org.id
    )
    assert admin.client.get(f"{INVITATIONS}/{expired[0]}").code == "not_found"


def test_an_expired_invitation_is_not_listed_and_cannot_be_accepted(api: Api, org: Organization, admin: Person) -> None:
    email = new_email()
    url = expired_link(api, org.id, email)
    assert admin.client.get(INVITATIONS).data == []
    late = accept(api, url)
    assert late.status == 409
    assert b"has expired" in late.content


def test_an_address_can_be_invited_again_after_its_invitation_expired(
    api: Api, org: Organization, admin: Person
) -> None:
    email = new_email()
    expired_link(api, org.id, email)
    expired_link(api, org.id, new_email())
    assert accept(api, invite(admin.client, email)).status < 400
    assert roles(org)[email] == "member"
    left = "select count(*) from invitation_addresses where organization_id = %s"
    assert api.database.rows(left, org.id) == [(0,)], "addresses of ended invitations are deleted"


def test_the_invitation_of_a_revoked_key_cannot_be_accepted(api: Api, org: Organization) -> None:
    person(api, org.id, "owner")
    inviter = org.seeded_key(name="Inviter", permissions=Permissions(mcps="*", manage=GRANTS))
    url = invite(inviter.client, new_email(), "admin")
    org.client.delete(inviter.path)
    refused = accept(api, url)
    assert refused.status == 409
    assert b"no longer allowed to assign its role" in refused.content


def test_the_invitation_of_a_narrowed_or_removed_member_cannot_be_accepted(api: Api, org: Organization) -> None:
    owner = person(api, org.id, "owner")
    for change in ("narrowed", "removed"):
        admin = person(api, org.id, "admin")
        url = invite(admin.client, new_email(), "member")
        if change == "narrowed":
            owner.client.patch(f"{MEMBERS}/{admin.id}", {"role": "auditor"})
        else:
            owner.client.delete(f"{MEMBERS}/{admin.id}")
        assert accept(api, url).status == 409
