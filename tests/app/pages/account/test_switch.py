"""GET /account/switch and its link in the sidebar."""

from app.auth.sessions import csrf_token
from domain.members.events import Role
from tests.app.api.organization.invite import invite
from tests.app.browser import Browser, browser
from tests.app.organizations import Api
from tests.app.people import COOKIE, Person, person
from tests.random_input import random_email

SWITCH = "/account/switch"


def member(api: Api, email: str, role: Role = "admin") -> Person:
    """Return a member with this address in an organization of their own."""
    return person(api, api.organization().id, role, email)


def links(api: Api, secret: str) -> list[str]:
    """Return the links of a page for the holder of a session."""
    with browser(api.url) as opened:
        opened.keep_cookie(COOKIE, secret)
        assert opened.go("/account").status_code == 200
        return opened.links


def test_a_member_of_several_organizations_can_switch(proxied_api: Api) -> None:
    email = random_email()
    first = member(proxied_api, email)
    assert SWITCH not in links(proxied_api, first.secret)
    second = member(proxied_api, email.upper())
    assert SWITCH in links(proxied_api, first.secret)
    assert SWITCH in links(proxied_api, second.secret)


def test_the_same_address_in_other_letters_than_a_to_z_is_another_mailbox(proxied_api: Api) -> None:
    email = random_email()
    first = member(proxied_api, f"k{email}")
    member(proxied_api, f"\N{KELVIN SIGN}{email}")
    assert SWITCH not in links(proxied_api, first.secret)


def test_an_organization_that_was_deleted_or_left_is_none_to_switch_to(proxied_api: Api) -> None:
    email = random_email()
    first, left, deleted = member(proxied_api, email), member(proxied_api, email), proxied_api.organization()
    owner = person(proxied_api, deleted.id, "owner", email)
    slug = owner.client.get("/v1/organization").data["slug"]
    assert owner.client.request("DELETE", "/v1/organization", {"confirm": slug}).status == 200
    assert SWITCH in links(proxied_api, first.secret)
    remover = person(proxied_api, left.organization_id, "admin")
    assert remover.client.delete(f"/v1/organization/members/{left.id}").status == 200
    assert SWITCH not in links(proxied_api, first.secret)


def test_a_session_that_began_with_an_invitation_does_not_tell_about_other_organizations(
    proxied_api: Api, screen: Browser
) -> None:
    """The inviter sees the link, so accepting it does not prove the address."""
    email = random_email()
    member(proxied_api, email)
    inviter = member(proxied_api, random_email())
    screen.go(invite(inviter.client, email))
    screen.send(screen.forms[0])
    assert screen.go("/account").status_code == 200
    assert email in screen.page.text
    assert SWITCH not in screen.links
    assert email in screen.go(SWITCH).text


def test_a_switch_needs_a_new_sign_in(proxied_api: Api) -> None:
    """The page only sends a link, and starts no session in the other organization."""
    email = random_email()
    first, second = member(proxied_api, email), member(proxied_api, email)
    with browser(proxied_api.url) as opened:
        opened.keep_cookie(COOKIE, first.secret)
        opened.go(SWITCH)
        form = opened.form("/sign-in")
        assert form.fields["email"] == email
        opened.send(form)
        assert "15 minutes" in opened.page.text
        assert opened.cookies[COOKIE] == first.secret
        assert opened.post(SWITCH, {"csrf_token": csrf_token(first.secret)}, Origin=proxied_api.url).status_code == 405
    assert len(second.client.get("/v1/sessions").data) == 1
