"""Sign-in and sign-out in a real browser, which sends the origin of every form."""

import pytest
from playwright.sync_api import Page, expect

from tests.app.mails import mails_to, token_in
from tests.app.organizations import Api, Organization
from tests.app.people import Person, person
from tests.ui.looks import LIGHT, Look
from tests.ui.menu import open_menu
from tests.ui.ui import Ui


def link_for(api: Api, member: Person) -> str:
    """Request a sign-in link and return the token that was mailed."""
    api.client().post("/v1/session/links", {"email": member.email})
    (mail,) = mails_to(api, member.email)
    return token_in(mail.text)


def test_the_form_sends_a_link_and_the_link_signs_in(ui: Ui, api: Api, org: Organization, look: Look) -> None:
    member = person(api, org.id)
    page = ui.open("/", look=look)
    page.get_by_label("Email address").fill(member.email)
    page.get_by_role("button", name="Send sign-in link").click()
    page.get_by_text("15 minutes").wait_for()
    (mail,) = mails_to(api, member.email)
    page.goto(f"/sign-in/confirm?token={token_in(mail.text)}")
    page.get_by_role("button").click()
    page.get_by_role("heading", name="Overview").wait_for()


def test_a_link_signs_in_without_javascript(ui: Ui, api: Api, org: Organization) -> None:
    member = person(api, org.id)
    page = ui.open(f"/sign-in/confirm?token={link_for(api, member)}", java_script=False)
    page.get_by_role("button").click()
    page.get_by_role("heading", name="Overview").wait_for()


@pytest.mark.parametrize("java_script", [True, False], ids=["with-scripts", "without-scripts"])
def test_a_member_of_two_organizations_switches(ui: Ui, api: Api, look: Look, *, java_script: bool) -> None:
    first = person(api, api.organization().id)
    person(api, api.organization().id, "viewer", first.email)
    page = ui.open("/", first, look, java_script=java_script)
    open_menu(page)
    page.get_by_role("link", name="Switch organization").click()
    expect(page.get_by_label("Email address")).to_have_value(first.email)
    page.get_by_role("button", name="Send sign-in link").click()
    page.get_by_text("15 minutes").wait_for()
    assert first.client.get("/v1/session").status == 200, "the user stays signed in until the link is opened"
    (mail,) = mails_to(api, first.email)
    page.goto(f"/sign-in/confirm?token={token_in(mail.text)}")
    page.get_by_role("button").click()
    page.get_by_role("button", name="as viewer").click()
    open_menu(page)
    expect(page.get_by_text("Viewer of ")).to_be_visible()


def test_the_buttons_end_other_sessions_and_sign_out(ui: Ui, api: Api, org: Organization, look: Look) -> None:
    member = person(api, org.id)
    page = ui.open(f"/sign-in/confirm?token={link_for(api, member)}", look=look)
    page.get_by_role("button").click()
    page.get_by_role("heading", name="Overview").wait_for()
    page.goto("/account")
    assert member.client.get("/v1/session").status == 200
    page.get_by_role("button", name="End all other sessions").click()
    page.get_by_role("button", name="End all other sessions").wait_for(state="detached")
    assert member.client.get("/v1/session").status == 401
    open_menu(page)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    page.goto("/account")
    page.wait_for_url("**/sign-in?next=/account")


def test_mail_preferences_are_selected_from_labeled_lists(ui: Ui, api: Api, org: Organization, look: Look) -> None:
    member = person(api, org.id)
    page = ui.open("/account", member, look)
    page.get_by_label("A key expires soon").select_option("Everything")
    page.get_by_role("button", name="Save mail preferences").click()
    page.wait_for_url("**/account#mails")
    assert page.get_by_label("A key expires soon").input_value() == "info"
    assert member.client.get("/v1/session/notifications").data["thresholds"] == {"api_key.expiring": "info"}


def test_a_form_on_another_site_does_not_sign_in(ui: Ui, api: Api, org: Organization) -> None:
    """The form differs from the real one only in its origin."""
    token = link_for(api, person(api, org.id))
    form = f"""<form method="post" action="{api.url}/sign-in/confirm">
        <input name="token" value="{token}"><button>Go</button></form>"""
    ui.expect("other host: http://evil.example/")
    ui.expect("response 403: POST /sign-in/confirm")
    page = ui.window()
    page.route("http://evil.example/", lambda route: route.fulfill(content_type="text/html", body=form))
    page.goto("http://evil.example/")
    page.get_by_role("button").click()
    page.get_by_text("by a page of another site").wait_for()
    assert page.context.cookies() == []


def sign_in_from(ui: Ui, api: Api, member: Person, path: str, look: Look) -> Page:
    """Open `path` without a session, and sign in with a mailed link."""
    page = ui.open(path, look=look)
    page.get_by_label("Email address").fill(member.email)
    page.get_by_role("button", name="Send sign-in link").click()
    page.get_by_text("15 minutes").wait_for()
    (mail,) = mails_to(api, member.email)
    page.goto(f"/sign-in/confirm?token={token_in(mail.text)}")
    page.get_by_role("button").click()
    return page


def test_the_page_of_a_link_is_shown_after_the_sign_in(ui: Ui, api: Api, org: Organization, look: Look) -> None:
    key = org.key(name="prod-server")
    page = sign_in_from(ui, api, person(api, org.id), f"/keys/{key.id}/activity?status=denied", look)
    expect(page).to_have_url(f"{api.url}/keys/{key.id}/activity?status=denied")
    expect(page.get_by_role("heading", level=1, name="prod-server")).to_be_visible()


@pytest.mark.parametrize("wanted", ["https://evil.example/", "/%5Cevil.example"])
def test_a_link_to_another_site_leads_to_the_start_page(ui: Ui, api: Api, org: Organization, wanted: str) -> None:
    """At its end, the test fails if the browser requested another host."""
    page = sign_in_from(ui, api, person(api, org.id), f"/sign-in?next={wanted}", LIGHT)
    expect(page).to_have_url(f"{api.url}/")
    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
