"""No other site makes a signed-in person do anything."""

import pytest

from tests.app.client import Client
from tests.app.organizations import Api, Organization
from tests.app.people import COOKIE, Person, person

CHANGE = ("POST", "/v1/api-keys")


@pytest.fixture
def somebody(api: Api, org: Organization) -> Person:
    return person(api, org.id)


def tries(client: Client, **headers: str) -> int:
    """The status of a change, which was made only if it is 201."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.request(*CHANGE, {"name": "Forged"}, headers=named).status


def test_a_change_needs_the_token_of_its_session(api: Api, org: Organization, somebody: Person) -> None:
    cookie_alone = api.client(Cookie=f"{COOKIE}={somebody.secret}")
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
    assert tries(cookie_alone, X_CSRF_Token=token) == 201


@pytest.mark.parametrize("site", ["cross-site", "same-site", "CROSS-SITE", "nonsense"])
def test_what_a_browser_says_of_the_origin_counts_more_than_the_token(somebody: Person, site: str) -> None:
    assert tries(somebody.client, Sec_Fetch_Site=site) == 403


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
def test_another_origin_is_refused(api: Api, somebody: Person, origin: str) -> None:
    host = api.url.removeprefix("http://")
    assert tries(somebody.client, Origin=origin.replace("{host}", host)) == 403


def test_the_own_origin_is_let_in(api: Api, somebody: Person) -> None:
    assert tries(somebody.client, Origin=api.url, Sec_Fetch_Site="same-origin") == 201


def test_reading_needs_no_token(api: Api, somebody: Person) -> None:
    assert api.client(Cookie=f"{COOKIE}={somebody.secret}").get("/v1/api-keys").status == 200


def test_a_key_needs_no_token(api: Api, org: Organization, somebody: Person) -> None:
    assert tries(api.client(org.manager.secret, Cookie=f"{COOKIE}={somebody.secret}")) == 201


def test_nobody_is_signed_in_by_another_site(api: Api) -> None:
    """Or a victim would work in the attacker's organization, and not notice."""
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
        # Two of one name: a neighbour planted one of them, and nobody can tell which.
        f"{COOKIE}={{secret}}; {COOKIE}=ks_planted",
        f"{COOKIE}=ks_planted; {COOKIE}={{secret}}",
    ],
)
def test_only_the_one_cookie_of_a_session_lets_in(api: Api, somebody: Person, cookie: str) -> None:
    assert api.client(Cookie=cookie.replace("{secret}", somebody.secret)).get("/v1/session").status == 401


def test_among_other_cookies_it_is_found(api: Api, somebody: Person) -> None:
    cookie = f"theme=dark; {COOKIE}={somebody.secret};other"
    assert api.client(Cookie=cookie).get("/v1/session").status == 200
