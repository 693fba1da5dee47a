"""`next`: after the sign-in, a visitor gets the page that they wanted."""

from urllib.parse import quote

import pytest

from tests.app.auth.test_next_path import ELSEWHERE
from tests.app.browser import Browser, browser
from tests.app.distinct_clients import Visitor
from tests.app.mails import mails_to, token_in
from tests.app.organizations import Api
from tests.app.people import COOKIE, person
from tests.random_input import random_email

WANTED = "/account?from=a%20mail&level=critical"


def request_link(screen: Browser, path: str, email: str) -> None:
    """Open `path` without a session, and request a link on the page that is shown instead."""
    screen.go(path)
    assert screen.path == "/sign-in"
    screen.send(screen.forms[0], email=email)


def open_link(screen: Browser, proxied_api: Api, email: str) -> None:
    screen.go(f"/sign-in/confirm?token={token_in(mails_to(proxied_api, email)[-1].text)}")
    screen.send(screen.forms[0])


def shown(screen: Browser) -> str:
    """Return the path and the query of the page."""
    return screen.page.request.url.raw_path.decode()


def test_a_page_that_needs_a_session_is_shown_after_the_sign_in(proxied_api: Api, screen: Browser) -> None:
    member = person(proxied_api, proxied_api.organization().id)
    assert screen.redirect_target(WANTED) == f"/sign-in?next={quote(WANTED)}"
    request_link(screen, WANTED, member.email)
    open_link(screen, proxied_api, member.email)
    assert (screen.page.status_code, shown(screen)) == (200, WANTED)
    assert member.email in screen.page.text


def test_the_page_is_shown_where_the_link_is_opened(proxied_api: Api, screen: Browser) -> None:
    member = person(proxied_api, proxied_api.organization().id)
    request_link(screen, WANTED, member.email)
    (mail,) = mails_to(proxied_api, member.email)
    assert "account" not in mail.text
    with browser(proxied_api.url, X_Forwarded_For=Visitor(proxied_api).ip) as phone:
        open_link(phone, proxied_api, member.email)
        assert shown(phone) == WANTED
    assert COOKIE not in screen.cookies


def test_the_page_is_shown_after_the_choice_of_an_organization(proxied_api: Api, screen: Browser) -> None:
    email = random_email()
    for _ in range(2):
        person(proxied_api, proxied_api.organization().id, "viewer", email)
    request_link(screen, WANTED, email)
    open_link(screen, proxied_api, email)
    assert screen.page.text.count("as viewer") == 2
    screen.send(screen.forms[0])
    assert shown(screen) == WANTED


def test_a_second_link_leads_to_the_page_too(proxied_api: Api, screen: Browser) -> None:
    member = person(proxied_api, proxied_api.organization().id)
    request_link(screen, WANTED, random_email())
    (again,) = [link for link in screen.links if link.startswith("/sign-in?")]
    request_link(screen, again, member.email)
    open_link(screen, proxied_api, member.email)
    assert shown(screen) == WANTED


def test_a_signed_in_user_gets_the_page_immediately(proxied_api: Api, screen: Browser) -> None:
    member = person(proxied_api, proxied_api.organization().id)
    request_link(screen, "/", member.email)
    open_link(screen, proxied_api, member.email)
    assert screen.redirect_target(f"/sign-in?next={quote(WANTED)}") == WANTED
    assert screen.redirect_target("/sign-in?next=https://evil.example/") == "/"


def test_the_start_page_is_not_named_in_the_address_of_the_sign_in(proxied_api: Api, screen: Browser) -> None:
    assert screen.redirect_target("/") == "/sign-in"


@pytest.mark.parametrize("value", ELSEWHERE)
def test_a_next_that_leads_elsewhere_is_ignored(proxied_api: Api, screen: Browser, value: str) -> None:
    """Neither the page nor a form that another program sends passes it on."""
    assert screen.go(f"/sign-in?next={quote(value, safe='')}").status_code == 200
    assert "next" not in screen.forms[0].fields
    assert "evil" not in screen.page.text
    member = person(proxied_api, proxied_api.organization().id)
    assert "\0" in value or screen.post("/sign-in", {"email": member.email, "next": value}).status_code == 200
    rows = proxied_api.database.rows("select next_path from sign_in_links where %s = any(user_ids)", member.id)
    assert rows == ([] if "\0" in value else [(None,)])


@pytest.mark.parametrize("query", ["next=%ff", "next=%00", "next", "next=/a&next=/b", "next=%E2%80%A8"])
def test_a_malformed_next_is_ignored(proxied_api: Api, screen: Browser, query: str) -> None:
    assert screen.go(f"/sign-in?{query}").status_code == 200
    assert "next" not in screen.forms[0].fields


def test_a_form_without_a_session_leads_to_the_sign_in_page(proxied_api: Api, screen: Browser) -> None:
    screen.post("/account/notifications", {"threshold": "off"})
    assert screen.path == "/sign-in"
