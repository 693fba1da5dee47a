"""Sign-in and sign-out in a real browser, which sends the origin of every form."""

from tests.app.chromium import needs_browser, start_browser
from tests.app.mails import mails_to, token_in
from tests.app.organizations import Api
from tests.app.people import Person, person


def link_for(api: Api, member: Person) -> str:
    """Request a sign-in link and return the token that was mailed."""
    api.client().post("/v1/session/links", {"email": member.email})
    (mail,) = mails_to(api, member.email)
    return token_in(mail.text)


@needs_browser
def test_the_form_sends_a_link(api: Api) -> None:
    member = person(api, api.organization().id)
    with start_browser() as browser:
        page = browser.new_page()
        page.goto(f"{api.url}/")
        page.get_by_label("Email address").fill(member.email)
        page.get_by_role("button", name="Send sign-in link").click()
        page.get_by_text("15 minutes").wait_for()
    assert len(mails_to(api, member.email)) == 1


@needs_browser
def test_the_buttons_sign_in_end_other_sessions_and_sign_out(api: Api) -> None:
    member = person(api, api.organization().id)
    token = link_for(api, member)
    with start_browser() as browser:
        page = browser.new_page()
        page.goto(f"{api.url}/sign-in/confirm?token={token}")
        page.get_by_role("button").click()
        page.wait_for_url(f"{api.url}/keys")
        page.get_by_role("link", name="Account").click()
        assert member.client.get("/v1/session").status == 200
        page.get_by_role("button", name="End all other sessions").click()
        page.get_by_role("button", name="End all other sessions").wait_for(state="detached")
        assert member.client.get("/v1/session").status == 401
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(f"{api.url}/sign-in")
        page.goto(f"{api.url}/account")
        assert page.url == f"{api.url}/sign-in"


@needs_browser
def test_mail_preferences_are_selected_from_labeled_lists(api: Api) -> None:
    member = person(api, api.organization().id)
    token = link_for(api, member)
    with start_browser() as browser:
        page = browser.new_page()
        page.goto(f"{api.url}/sign-in/confirm?token={token}")
        page.get_by_role("button").click()
        page.get_by_role("link", name="Account").click()
        page.get_by_label("A key expires soon").select_option("Everything")
        page.get_by_role("button", name="Save mail preferences").click()
        page.wait_for_url(f"{api.url}/account#mails")
        assert page.get_by_label("A key expires soon").input_value() == "info"
    assert member.client.get("/v1/session/notifications").data["thresholds"] == {"api_key.expiring": "info"}


@needs_browser
def test_a_form_on_another_site_does_not_sign_in(api: Api) -> None:
    """The form differs from the real one only in its origin."""
    token = link_for(api, person(api, api.organization().id))
    form = f"""<form method="post" action="{api.url}/sign-in/confirm">
        <input name="token" value="{token}"><button>Go</button></form>"""
    with start_browser() as browser, browser.new_context() as context:
        page = context.new_page()
        page.route("http://evil.example/", lambda route: route.fulfill(content_type="text/html", body=form))
        page.goto("http://evil.example/")
        page.get_by_role("button").click()
        page.get_by_text("by a page of another site").wait_for()
        assert context.cookies() == []
