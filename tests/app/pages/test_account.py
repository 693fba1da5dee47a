"""The page of whoever is signed in."""

import httpx2
import pytest

from app.pages.notifications import TITLES
from app.pages.notifications import Form as Fields
from domain.members.notifications import ALERT_TYPES
from tests.app.browser import Browser, Form
from tests.app.organizations import Api
from tests.app.people import COOKIE, Person, person


@pytest.fixture
def somebody(proxied_api: Api) -> Person:
    return person(proxied_api, proxied_api.organization().id, "admin")


@pytest.fixture
def account(proxied_api: Api, screen: Browser, somebody: Person) -> Browser:
    screen.keep_cookie(COOKIE, somebody.secret)
    screen.go("/account")
    return screen


def test_it_says_who_is_signed_in_and_where_the_api_is_described(
    proxied_api: Api, account: Browser, somebody: Person
) -> None:
    assert somebody.email in account.page.text
    assert somebody.organization_id in account.page.text
    assert {"/schema", "/schema/openapi.json"} <= set(account.links)
    for link in account.links:
        assert httpx2.get(proxied_api.url + link).status_code in {200, 303}


def test_signing_out_ends_the_session(proxied_api: Api, account: Browser, somebody: Person) -> None:
    account.send(account.forms[0])
    assert account.path == "/sign-in"
    assert COOKIE not in account.cookies
    assert proxied_api.client(Cookie=f"{COOKIE}={somebody.secret}").get("/v1/session").status == 401
    assert proxied_api.events_of(somebody.session_id) == ["session.started", "session.ended"]


def test_another_session_is_ended_by_its_button(proxied_api: Api, account: Browser, somebody: Person) -> None:
    lost, secret = somebody.session()
    account.go("/account")
    (form,) = [form for form in account.forms if form.fields.get("session_id") == lost]
    account.send(form)
    assert account.path == "/account"
    assert proxied_api.client(Cookie=f"{COOKIE}={secret}").get("/v1/session").status == 401
    assert not [form for form in account.forms if "session_id" in form.fields]


def test_all_others_are_ended_by_one_button(proxied_api: Api, account: Browser, somebody: Person) -> None:
    secrets = [somebody.session()[1] for _ in range(3)]
    account.go("/account")
    account.send(account.forms[-1])
    for secret in secrets:
        assert proxied_api.client(Cookie=f"{COOKIE}={secret}").get("/v1/session").status == 401
    assert account.go("/account").status_code == 200


def _mails(account: Browser) -> Form:
    (form,) = [form for form in account.forms if form.action == "/account/notifications"]
    return form


def test_mails_are_chosen_in_a_form(proxied_api: Api, account: Browser, somebody: Person) -> None:
    form = _mails(account)
    assert {form.fields[name] for name in ("threshold", "api_key_expiring", "usage_threshold")} == {""}
    account.send(form, threshold="critical", api_key_expiring="info")
    assert account.path == "/account"
    chosen = somebody.client.get("/v1/session/notifications").data
    assert (chosen["threshold"], chosen["thresholds"]) == ("critical", {"api_key.expiring": "info"})
    form = _mails(account)
    assert (form.fields["threshold"], form.fields["api_key_expiring"]) == ("critical", "info")
    assert "As above: critical alerts only" in account.page.text
    account.send(form, threshold="", api_key_expiring="")
    assert somebody.client.get("/v1/session/notifications").data["thresholds"] == {}


def test_the_form_of_mails_has_what_somebody_may_see_and_keeps_what_they_chose_of_the_rest(
    proxied_api: Api, screen: Browser, somebody: Person
) -> None:
    viewer = person(proxied_api, somebody.organization_id, "viewer")
    viewer.client.patch("/v1/session/notifications", {"thresholds": {"api_key.expiring": "off"}})
    screen.keep_cookie(COOKIE, viewer.secret)
    screen.go("/account")
    form = _mails(screen)
    assert set(form.fields) == {"csrf_token", "threshold", "usage_threshold"}
    screen.send(form, usage_threshold="warning")
    chosen = viewer.client.get("/v1/session/notifications").data["thresholds"]
    assert chosen == {"api_key.expiring": "off", "usage.threshold": "warning"}


def test_a_level_that_the_form_does_not_have_is_refused(proxied_api: Api, account: Browser, somebody: Person) -> None:
    token = somebody.client.get("/v1/session").data["csrf_token"]
    answer = account.post("/account/notifications", {"threshold": "often", "csrf_token": token}, Origin=proxied_api.url)
    assert answer.status_code == 400


def test_every_type_of_alert_has_a_title_and_a_field() -> None:
    assert set(TITLES) == set(ALERT_TYPES)
    assert {"csrf_token", "threshold", *(each.replace(".", "_") for each in ALERT_TYPES)} == {*Fields.__struct_fields__}


@pytest.mark.parametrize(
    "path",
    ["/account/sign-out", "/account/sessions/end", "/account/sessions/end-others", "/account/notifications"],
)
def test_a_form_without_the_token_of_the_session_does_nothing(
    proxied_api: Api, account: Browser, somebody: Person, path: str
) -> None:
    other, _ = somebody.session()
    for token in ({}, {"csrf_token": ""}, {"csrf_token": "wrong"}):
        answer = account.post(path, {"session_id": other, "threshold": "off", **token}, Origin=proxied_api.url)
        assert answer.status_code == 403
    assert somebody.client.get("/v1/session/notifications").data["threshold"] is None
    assert len(somebody.client.get("/v1/sessions").data) == 2


def test_a_form_that_no_database_can_look_up_is_refused(proxied_api: Api, account: Browser, somebody: Person) -> None:
    token = somebody.client.get("/v1/session").data["csrf_token"]
    ends = {"session_id": "ses_\0", "csrf_token": token}
    assert account.post("/account/sessions/end", ends, Origin=proxied_api.url).status_code == 400


def test_without_a_session_it_leads_to_the_form(proxied_api: Api, screen: Browser) -> None:
    for path in ("/account", "/"):
        screen.go(path)
        assert screen.path == "/sign-in"
    screen.post("/account/sign-out", {"csrf_token": ""}, Origin=proxied_api.url)
    assert screen.path == "/sign-in"


def test_what_a_browser_calls_itself_is_escaped(proxied_api: Api, account: Browser, somebody: Person) -> None:
    proxied_api.database.rows(
        "update sessions set user_agent = '<script>alert(1)</script>' where session_id = %s", somebody.session_id
    )
    assert "<script" not in account.go("/account").text
