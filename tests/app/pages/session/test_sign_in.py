"""Sign-in with the pages, in a browser without JavaScript."""

import httpx2
import pytest

from tests.app.browser import Browser, browser
from tests.app.distinct_clients import Visitor
from tests.app.mails import mails_to, token_in
from tests.app.organizations import Api
from tests.app.people import COOKIE, person
from tests.random_input import random_email


def sign_in(screen: Browser, proxied_api: Api, email: str) -> None:
    """Sign in with the form, the mail and the button."""
    screen.go("/sign-in")
    screen.send(screen.forms[0], email=email)
    screen.go(f"/sign-in/confirm?token={token_in(mails_to(proxied_api, email)[-1].text)}")
    screen.send(screen.forms[0])


def test_a_person_signs_in_with_the_form_and_the_mailed_link(proxied_api: Api, screen: Browser) -> None:
    member = person(proxied_api, proxied_api.organization().id, "member")
    assert screen.go("/").status_code == 200
    assert screen.path == "/sign-in"
    screen.send(screen.forms[0], email=member.email)
    assert "15 minutes" in screen.page.text
    (mail,) = mails_to(proxied_api, member.email)
    link = mail.text.split()[mail.text.split().index("Keyledger:") + 1]
    assert link == f"{proxied_api.url}/sign-in/confirm?token={token_in(mail.text)}"
    screen.go(link)
    screen.send(screen.forms[0])
    assert (screen.page.status_code, screen.path) == (200, "/")
    assert member.email in screen.page.text
    assert "Member of" in screen.page.text
    assert screen.go("/sign-in").url.path == "/"


def test_the_page_is_the_same_for_known_and_unknown_addresses(proxied_api: Api, screen: Browser) -> None:
    known, unknown = person(proxied_api, proxied_api.organization().id).email, random_email()
    texts: list[str] = []
    for email in (known, unknown):
        screen.go("/sign-in")
        texts.append(screen.send(screen.forms[0], email=email).text.replace(email, "-"))
    assert texts[0] == texts[1]


def test_opening_a_link_does_not_use_it(proxied_api: Api, screen: Browser, visitor: Visitor) -> None:
    """Mail scanners open every link."""
    token = visitor.token_for(person(proxied_api, proxied_api.organization().id).email)
    for _ in range(3):
        assert screen.go(f"/sign-in/confirm?token={token}").status_code == 200
        assert COOKIE not in screen.cookies
    screen.send(screen.forms[0])
    assert screen.path == "/"


def test_a_used_link_is_refused_with_an_explanation(proxied_api: Api, screen: Browser, visitor: Visitor) -> None:
    token = visitor.token_for(person(proxied_api, proxied_api.organization().id).email)
    visitor.redeem(token)
    assert screen.go(f"/sign-in/confirm?token={token}").status_code == 401
    assert "does not work any more" in screen.page.text
    screen.post("/sign-in/confirm", {"token": token})
    assert screen.page.status_code == 401
    assert COOKIE not in screen.cookies


def test_a_member_of_two_organizations_chooses_one(proxied_api: Api, screen: Browser) -> None:
    email = random_email()
    people = [person(proxied_api, proxied_api.organization().id, "viewer", email) for _ in range(2)]
    sign_in(screen, proxied_api, email)
    assert screen.page.text.count("as viewer") == 2
    wanted = people[1].organization_id
    (button,) = [number for number, (_, value) in enumerate(screen.forms[0].buttons) if value == wanted]
    screen.send(screen.forms[0], button)
    assert screen.path == "/"
    assert wanted in screen.go("/account").text


def test_user_input_is_escaped(proxied_api: Api, screen: Browser) -> None:
    screen.post("/sign-in", {"email": '"><script>alert(1)</script>@example.com'})
    assert "<script" not in screen.page.text
    screen.go("/sign-in/confirm?token=%22%3E%3Cscript%3E")
    assert "<script" not in screen.page.text


@pytest.mark.parametrize("path", ["/sign-in", "/sign-in/confirm", "/invitations/accept", "/account/sign-out"])
def test_a_form_on_another_site_is_refused(proxied_api: Api, screen: Browser, path: str) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        fields = {"email": "a@example.com", "token": "kl_x"}
        assert screen.post(path, fields, **headers).status_code == 403
        assert screen.page.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("name", ["next", "url", "redirect", "return_to", "continue"])
def test_no_page_redirects_to_another_site(proxied_api: Api, screen: Browser, name: str) -> None:
    """Only a path on this site does, and only as `next` (test_next.py)."""
    member = person(proxied_api, proxied_api.organization().id)
    evil = "https://evil.example/"
    screen.go(f"/sign-in?{name}={evil}")
    screen.post("/sign-in", {"email": member.email, name: evil})
    screen.go(f"/sign-in/confirm?token={token_in(mails_to(proxied_api, member.email)[-1].text)}&{name}={evil}")
    screen.send(screen.forms[0], **{name: evil})
    for answer in (*screen.page.history, screen.page):
        assert answer.headers.get("location", "/") in {"/", "/keys"}
    for path in ("//evil.example", "/\\evil.example", "/sign-in//evil.example"):
        assert "location" not in screen.go(path).headers


def test_too_many_attempts_return_an_error_page(proxied_api: Api, visitor: Visitor) -> None:
    email = random_email()
    for _ in range(5):
        Visitor(proxied_api).request_link(email)
    with browser(proxied_api.url, X_Forwarded_For=visitor.ip) as screen:
        answer = screen.post("/sign-in", {"email": email})
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
        assert "Too many sign-in attempts" in answer.text


@pytest.mark.parametrize("content", [b"token=%ff", b"%00=1&" * 30, b"\xff", b"organization_id=org_x", b"token"])
def test_an_unreadable_form_returns_a_client_error(proxied_api: Api, content: bytes) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-For": Visitor(proxied_api).ip}
    answer = httpx2.post(f"{proxied_api.url}/sign-in/confirm", content=content, headers=form)
    assert answer.status_code in {400, 401}
