"""CSRF protection: other sites cannot make changes in the session of a person."""

import pytest

from tests.app.client import Client
from tests.app.organizations import Api, Organization
from tests.app.people import COOKIE, Person, person

CHANGE = ("POST", "/v1/api-keys")


@pytest.fixture
def user(api: Api, org: Organization) -> Person:
    return person(api, org.id)


def status_of_change(client: Client, **headers: str) -> int:
    """Send a change and return the status; only 201 means that the change was made."""
    renamed = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.request(*CHANGE, {"name": "Forged"}, headers=renamed).status


def test_a_change_needs_the_token_of_its_session(api: Api, org: Organization, user: Person) -> None:
    cookie_alone = api.client(Cookie=f"{COOKIE}={user.secret}")
    token = cookie_alone.get("/v1/session").data["csrf_token"]
    foreign = person(api, org.id).client.get("/v1/session").data["csrf_token"]
    for wrong in (
        {},
        {"X_CSRF_Token": ""},
        {"X_CSRF_Token": "x"},
        {"X_CSRF_Token": foreign},
        {"X_CSRF_Token": token + "A"},
    ):
        refused = cookie_alone.request(
            *CHANGE, {"name": "Forged"}, headers={k.replace("_", "-"): v for k, v in wrong.items()}
        )
        assert (refused.status, refused.code) == (403, "forbidden")
        assert "X-CSRF-Token" in refused.error["message"]
    assert status_of_change(cookie_alone, X_CSRF_Token=token) == 201


@pytest.mark.parametrize("site", ["cross-site", "same-site", "CROSS-SITE", "nonsense"])
def test_a_cross_site_request_is_refused_even_with_the_token(user: Person, site: str) -> None:
    assert status_of_change(user.client, Sec_Fetch_Site=site) == 403


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://127.0.0.1:1",
        "https://{host}",
        "http://{host}.evil.example",
        "http://evil@{host}",
    ],
)
def test_another_origin_is_refused(api: Api, user: Person, origin: str) -> None:
    host = api.url.removeprefix("http://")
    assert status_of_change(user.client, Origin=origin.replace("{host}", host)) == 403


def test_a_request_from_the_same_origin_is_accepted(api: Api, user: Person) -> None:
    assert status_of_change(user.client, Origin=api.url, Sec_Fetch_Site="same-origin") == 201


def test_a_read_needs_no_token(api: Api, user: Person) -> None:
    assert api.client(Cookie=f"{COOKIE}={user.secret}").get("/v1/api-keys").status == 200


def test_a_key_needs_no_token(api: Api, org: Organization, user: Person) -> None:
    assert status_of_change(api.client(org.manager.secret, Cookie=f"{COOKIE}={user.secret}")) == 201


def test_another_site_cannot_sign_a_person_in(api: Api) -> None:
    """Otherwise, a victim could work in the attacker's organization without noticing."""
    for path, body in (("/v1/session", {"token": "kl_x"}), ("/v1/session/links", {"email": "a@example.com"})):
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert api.client().request("POST", path, body, headers=headers).status == 403
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert api.client().request("POST", path, content=b"token=kl_x", headers=form).status == 415


@pytest.mark.parametrize(
    "cookie",
    [
        f"{COOKIE}=",
        f"{COOKIE}=ks_short",
        "__Host-keyledger_session={secret}",
        f"{COOKIE.upper()}={{secret}}",
        f"{COOKIE}={{secret}}x",
        # Two cookies with one name: a neighbouring site may have planted one of them.
        f"{COOKIE}={{secret}}; {COOKIE}=ks_planted",
        f"{COOKIE}=ks_planted; {COOKIE}={{secret}}",
    ],
)
def test_any_other_cookie_is_refused(api: Api, user: Person, cookie: str) -> None:
    assert api.client(Cookie=cookie.replace("{secret}", user.secret)).get("/v1/session").status == 401


def test_the_session_cookie_is_found_among_other_cookies(api: Api, user: Person) -> None:
    cookie = f"theme=dark; {COOKIE}={user.secret};other"
    assert api.client(Cookie=cookie).get("/v1/session").status == 200
