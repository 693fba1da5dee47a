"""The pages of members: roles, invitations, removal, transfer of the ownership."""

import html
import re

import pytest

from app.pages.members.list import PER_PAGE
from domain.members.events import Role
from tests.app.browser import Browser
from tests.app.mails import mails_to
from tests.app.organizations import Api, Organization
from tests.app.pages.conftest import OpenAs
from tests.app.people import Person, person
from tests.random_input import random_email

MEMBERS = "/v1/organization/members"


@pytest.fixture
def owner(api: Api, org: Organization) -> Person:
    return person(api, org.id, "owner")


@pytest.fixture
def window(open_as: OpenAs, owner: Person) -> Browser:
    return open_as(owner)


def role_of(member: Person, viewer: Person) -> str | None:
    roles = {each["user_id"]: each["role"] for each in viewer.client.get(MEMBERS).data}
    return roles.get(member.id)


def test_members_are_listed_with_their_roles(api: Api, org: Organization, owner: Person, window: Browser) -> None:
    assert "You're the only one here." in window.go("/members").text
    assert "/members/invite" in window.links
    auditor = person(api, org.id, "auditor")
    page = window.go("/members")
    assert auditor.email in page.text
    assert ">Auditor<" in page.text
    assert f"/members/{auditor.id}/remove?next_row={owner.id}" in window.links
    assert f"/members/{owner.id}/remove" not in window.links


def test_a_person_is_invited_and_the_link_is_shown_once(api: Api, owner: Person, window: Browser) -> None:
    email = random_email()
    window.go("/members/invite")
    form = window.form("/members/invite")
    page = window.send(form, email=email, role="auditor")
    assert mails_to(api, email)
    assert "/invitations/accept?token=" in page.text
    again = window.send(form, email=email, role="auditor")
    assert "/invitations/accept?token=" not in again.text
    page = window.go("/members")
    assert email in page.text
    assert owner.email in page.text
    assert "token=" not in page.text


def test_a_refused_invitation_keeps_what_was_typed(window: Browser) -> None:
    window.go("/members/invite")
    page = window.send(window.form("/members/invite"), email="<b>ada", role="admin")
    assert page.status_code == 422
    assert html.escape("<b>ada") in page.text
    assert "<b>ada" not in page.text
    assert 'value="admin" checked' in page.text
    assert 'id="email-error"' in page.text


def test_a_member_cannot_be_invited_again(api: Api, org: Organization, window: Browser) -> None:
    member = person(api, org.id, "viewer")
    window.go("/members/invite")
    page = window.send(window.form("/members/invite"), email=member.email, role="viewer")
    assert page.status_code == 409
    assert member.email in page.text


def test_an_invitation_is_withdrawn(owner: Person, window: Browser) -> None:
    email = random_email()
    owner.client.post(f"{MEMBERS}/invite", {"email": email, "role": "member"})
    window.go("/members")
    (path,) = [link for link in window.links if link.endswith("/withdraw")]
    assert email in window.go(path).text
    page = window.send(window.form(path))
    assert window.path == "/members"
    assert email not in page.text


def test_more_members_and_invitations_than_fit_are_on_later_pages(api: Api, open_as: OpenAs) -> None:
    org = api.organization("enterprise")
    owner = person(api, org.id, "owner")
    last = [person(api, org.id, "viewer") for _ in range(PER_PAGE)][-1]
    first, *_ = [
        owner.client.post(f"{MEMBERS}/invite", {"email": random_email(), "role": "member"}).data
        for _ in range(PER_PAGE + 1)
    ]
    window = open_as(owner)
    assert first["email"] not in window.go("/members").text
    assert last.email not in window.page.text
    assert "100 invitations on this page" in window.page.text
    (later,) = [link for link in window.links if link.startswith("/members?cursor=")]
    (older,) = [link for link in window.links if link.startswith("/members?invitations=")]
    assert first["email"] in window.go(older).text
    assert "/members#invitations" in window.links
    assert last.email in window.go(later).text
    assert f"/members/{last.id}/role" in window.links
    assert "100 invitations on this page" in window.page.text
    for filtered in ("/audit", "/keys/revoke"):
        assert last.email in window.go(filtered).text, filtered
    assert f"Created by {last.email}" in window.go(f"/keys/revoke?created_by={last.id}").text


def test_after_a_removal_the_next_row_has_the_focus_once(
    api: Api, org: Organization, owner: Person, window: Browser
) -> None:
    member, last = person(api, org.id, "viewer"), person(api, org.id, "viewer")
    window.go(f"/members/{member.id}/remove?next_row={last.id}")
    page = window.send(window.form(f"/members/{member.id}/remove"))
    assert re.findall(r"<(\w+)[^>]* autofocus", page.text) == ["tr"]
    assert re.search(rf"autofocus>(?:(?!</tr>).)*{last.email}", page.text, re.DOTALL)
    assert " autofocus" not in window.go("/members").text


@pytest.mark.parametrize("next_row", ["x" * 100, "user_on_another_page", ""])
def test_after_a_removal_without_a_next_row_on_the_page_its_content_has_the_focus(
    api: Api, org: Organization, owner: Person, window: Browser, next_row: str
) -> None:
    last = person(api, org.id, "viewer")
    window.go(f"/members/{last.id}/remove?next_row={next_row}")
    page = window.send(window.form(f"/members/{last.id}/remove"))
    assert re.findall(r"<(\w+)[^>]* autofocus", page.text) == ["main"]
    assert owner.email in page.text


def test_a_role_is_changed(api: Api, org: Organization, owner: Person, window: Browser) -> None:
    member = person(api, org.id, "viewer")
    window.go(f"/members/{member.id}/role")
    window.send(window.form(f"/members/{member.id}/role"), role="auditor")
    assert (window.path, role_of(member, owner)) == ("/members", "auditor")


def test_a_stale_role_form_changes_nothing(api: Api, org: Organization, owner: Person, window: Browser) -> None:
    member, colleague = person(api, org.id, "viewer"), person(api, org.id, "admin")
    window.go(f"/members/{member.id}/role")
    form = window.form(f"/members/{member.id}/role")
    colleague.client.patch(f"{MEMBERS}/{member.id}", {"role": "auditor"})
    page = window.send(form, role="admin")
    assert page.status_code == 412
    assert f"{colleague.email} changed this at" in page.text
    assert role_of(member, owner) == "auditor"


def test_a_removal_names_the_keys_that_stop(api: Api, org: Organization, owner: Person, window: Browser) -> None:
    member = person(api, org.id, "member")
    for name in ("one", "two"):
        member.client.post("/v1/api-keys", {"name": name})
    page = window.go(f"/members/{member.id}/remove")
    assert "Their 2 keys stop working immediately. What they did stays in the log." in page.text
    assert "Keys that can manage, made with their keys, are revoked too." in page.text
    assert "If invited again, they start as a new member." in page.text
    window.send(window.form(f"/members/{member.id}/remove"))
    assert (window.path, role_of(member, owner)) == ("/members", None)
    keys = owner.client.get("/v1/api-keys", {"created_by": member.id}).data
    assert {key["status"] for key in keys} == {"revoked"}


def test_the_ownership_is_transferred_after_the_address_was_typed(
    api: Api, org: Organization, owner: Person, window: Browser
) -> None:
    member = person(api, org.id, "admin")
    window.go(f"/members/{member.id}/transfer")
    form = window.form(f"/members/{member.id}/transfer")
    assert window.send(form, confirmation="no").status_code == 422
    window.send(form, confirmation=member.email)
    assert (window.path, role_of(member, member), role_of(owner, member)) == ("/members", "owner", "admin")
    assert not [link for link in window.links if re.search("/transfer$", link)]


@pytest.mark.parametrize("role", ["viewer", "member"])
def test_roles_without_members_get_403(api: Api, org: Organization, open_as: OpenAs, role: Role) -> None:
    window = open_as(person(api, org.id, role))
    assert window.go("/members").status_code == 403
    assert "/members" not in window.links


def test_an_auditor_sees_members_and_changes_none(api: Api, org: Organization, open_as: OpenAs) -> None:
    auditor = person(api, org.id, "auditor")
    other = person(api, org.id, "viewer")
    window = open_as(auditor)
    assert other.email in window.go("/members").text
    assert not [link for link in window.links if link.startswith("/members/")]
    assert window.go(f"/members/{other.id}/remove").status_code == 403


@pytest.mark.parametrize("verb", ["role", "remove", "transfer"])
def test_a_member_of_another_organization_does_not_exist(api: Api, window: Browser, verb: str) -> None:
    stranger = person(api, api.organization().id, "owner")
    assert window.go(f"/members/{stranger.id}/{verb}").status_code == 404
