"""The account page of a signed-in person."""

import httpx2
import pytest

from app.pages.account.notifications import Form as Fields
from app.pages.wording.words import ALERT_EVENTS, ALERTS
from domain.members.notifications import ALERT_TYPES
from tests.app.browser import Browser, Form
from tests.app.organizations import Api
from tests.app.people import COOKIE, Person, person


@pytest.fixture
def member(proxied_api: Api) -> Person:
    return person(proxied_api, proxied_api.organization().id, "admin")


@pytest.fixture
def account(proxied_api: Api, screen: Browser, member: Person) -> Browser:
    screen.keep_cookie(COOKIE, member.secret)
    screen.go("/account")
    return screen


def test_the_account_page_shows_the_person_and_links_to_the_api_reference(
    proxied_api: Api, account: Browser, member: Person
) -> None:
    assert member.email in account.page.text
    assert member.organization_id in account.page.text
    assert {"/schema", "/schema/openapi.json"} <= set(account.links)
    for link in account.links:
        assert httpx2.get(proxied_api.url + link).status_code in {200, 303}


def test_signing_out_ends_the_session(proxied_api: Api, account: Browser, member: Person) -> None:
    account.send(account.form("/account/sign-out"))
    assert account.path == "/sign-in"
    assert COOKIE not in account.cookies
    assert proxied_api.client(Cookie=f"{COOKIE}={member.secret}").get("/v1/session").status == 401
    assert proxied_api.events_of(member.session_id) == ["session.started", "session.ended"]


def test_a_button_ends_another_session(proxied_api: Api, account: Browser, member: Person) -> None:
    lost, secret = member.session()
    account.go("/account")
    (form,) = [form for form in account.forms if form.fields.get("session_id") == lost]
    account.send(form)
    assert account.path == "/account"
    assert proxied_api.client(Cookie=f"{COOKIE}={secret}").get("/v1/session").status == 401
    assert not [form for form in account.forms if "session_id" in form.fields]


def test_a_button_ends_all_other_sessions(proxied_api: Api, account: Browser, member: Person) -> None:
    secrets = [member.session()[1] for _ in range(3)]
    account.go("/account")
    account.send(account.form("/account/sessions/end-others"))
    for secret in secrets:
        assert proxied_api.client(Cookie=f"{COOKIE}={secret}").get("/v1/session").status == 401
    assert account.go("/account").status_code == 200


def _mails(account: Browser) -> Form:
    return account.form("/account/notifications")


def test_mail_preferences_are_changed_with_a_form(proxied_api: Api, account: Browser, member: Person) -> None:
    form = _mails(account)
    assert {form.fields[name] for name in ("threshold", "api_key_expiring", "usage_threshold")} == {""}
    account.send(form, threshold="critical", api_key_expiring="info")
    assert account.path == "/account"
    chosen = member.client.get("/v1/session/notifications").data
    assert (chosen["threshold"], chosen["thresholds"]) == ("critical", {"api_key.expiring": "info"})
    form = _mails(account)
    assert (form.fields["threshold"], form.fields["api_key_expiring"]) == ("critical", "info")
    assert "As above: critical alerts only" in account.page.text
    account.send(form, threshold="", api_key_expiring="")
    assert member.client.get("/v1/session/notifications").data["thresholds"] == {}


def test_the_mail_form_shows_only_permitted_alerts_and_keeps_the_other_preferences(
    proxied_api: Api, screen: Browser, member: Person
) -> None:
    viewer = person(proxied_api, member.organization_id, "viewer")
    viewer.client.patch("/v1/session/notifications", {"thresholds": {"api_key.expiring": "off"}})
    screen.keep_cookie(COOKIE, viewer.secret)
    screen.go("/account")
    form = _mails(screen)
    assert set(form.fields) == {"csrf_token", "threshold", "usage_threshold"}
    screen.send(form, usage_threshold="warning")
    chosen = viewer.client.get("/v1/session/notifications").data["thresholds"]
    assert chosen == {"api_key.expiring": "off", "usage.threshold": "warning"}


def test_an_unknown_threshold_is_refused(proxied_api: Api, account: Browser, member: Person) -> None:
    token = member.client.get("/v1/session").data["csrf_token"]
    answer = account.post("/account/notifications", {"threshold": "often", "csrf_token": token}, Origin=proxied_api.url)
    assert answer.status_code == 400


def test_every_type_of_alert_has_a_title_and_a_field() -> None:
    assert set(ALERT_EVENTS) == set(ALERTS) == set(ALERT_TYPES)
    assert {"threshold", *(each.replace(".", "_") for each in ALERT_TYPES)} == {*Fields.__struct_fields__}


@pytest.mark.parametrize(
    "path",
    [
        "/account/sign-out",
        "/account/sessions/end",
        "/account/sessions/end-others",
        "/account/theme",
        "/account/notifications",
    ],
)
def test_a_form_without_the_csrf_token_of_the_session_is_refused(
    proxied_api: Api, account: Browser, member: Person, path: str
) -> None:
    other, _ = member.session()
    for token in ({}, {"csrf_token": ""}, {"csrf_token": "wrong"}):
        answer = account.post(path, {"session_id": other, "threshold": "off", **token}, Origin=proxied_api.url)
        assert answer.status_code == 403
    assert member.client.get("/v1/session/notifications").data["threshold"] is None
    assert len(member.client.get("/v1/sessions").data) == 2


def test_a_form_with_a_null_character_is_refused(proxied_api: Api, account: Browser, member: Person) -> None:
    token = member.client.get("/v1/session").data["csrf_token"]
    ends = {"session_id": "ses_\0", "csrf_token": token}
    assert account.post("/account/sessions/end", ends, Origin=proxied_api.url).status_code == 400


def test_a_visitor_without_a_session_is_redirected_to_the_sign_in_page(proxied_api: Api, screen: Browser) -> None:
    for path in ("/account", "/"):
        screen.go(path)
        assert screen.path == "/sign-in"
    screen.post("/account/sign-out", {"csrf_token": ""}, Origin=proxied_api.url)
    assert screen.path == "/sign-in"


def test_the_user_agent_is_escaped(proxied_api: Api, account: Browser, member: Person) -> None:
    proxied_api.database.rows(
        "update sessions set user_agent = '<script>alert(1)</script>' where session_id = %s", member.session_id
    )
    page = account.go("/account").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
