"""Sign-in through a certified OpenID provider, and every response of it that must be assert_refused."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest

from tests.app.auth.openid.provider import CLIENT_ID, CLIENT_SECRET, openid_provider
from tests.app.browser import Browser, browser
from tests.app.conftest import StartApi
from tests.app.distinct_clients import Visitor
from tests.app.organizations import Api
from tests.app.people import COOKIE, person
from tests.ports import free_port
from tests.random_input import random_email, random_token

CALLBACK = "/sign-in/openid/callback"
_WANTED = "/account?from=a%20mail"


@pytest.fixture(scope="module")
def issuer_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def openid_api(start_api: StartApi, issuer_port: int) -> Api:
    """A server with sign-in through the provider at that port, which may not be running."""
    return start_api(
        KEYLEDGER_TRUSTED_PROXIES="127.0.0.0/8",
        OIDC_ISSUER=f"http://127.0.0.1:{issuer_port}",
        OIDC_CLIENT_ID=CLIENT_ID,
        OIDC_CLIENT_SECRET=CLIENT_SECRET,
        OIDC_NAME="Example ID",
    )


@pytest.fixture(scope="module")
def issuer(openid_api: Api, issuer_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("openid") / "provider.log"
    with openid_provider(issuer_port, openid_api.url + CALLBACK, log) as running:
        yield running


@pytest.fixture
def screen(openid_api: Api, issuer: str) -> Iterator[Browser]:
    with browser(openid_api.url, X_Forwarded_For=Visitor(openid_api).ip) as opened:
        yield opened


def prove_identity(screen: Browser, url: str, email: str) -> None:
    """Open `url` at the provider, sign in there as `email` and consent. The provider redirects back to the service."""
    screen.go(url)
    screen.send(screen.forms[0], login=email, password="any")  # noqa: S106 -- the provider accepts any password
    if screen.forms and screen.forms[0].fields.get("prompt") == "consent":
        screen.send(screen.forms[0])


def assert_refused(screen: Browser, openid_api: Api, words: str, status: int = 401) -> None:
    assert screen.page.status_code == status, screen.page.text
    assert words in screen.page.text
    assert COOKIE not in screen.cookies


def test_a_person_with_a_verified_address_is_signed_in(openid_api: Api, screen: Browser) -> None:
    member = person(openid_api, openid_api.organization().id, "auditor")
    screen.go("/sign-in")
    assert "Sign in with Example ID" in screen.page.text
    (link,) = [link for link in screen.links if "openid" in link]
    prove_identity(screen, link, member.email)
    assert (screen.page.status_code, screen.path) == (200, "/"), screen.page.text
    assert member.email in screen.page.text
    assert "keyledger_openid" not in screen.cookies
    rows = openid_api.database.rows("select count(*) from sessions where user_id = %s and method = 'openid'", member.id)
    assert rows == [(1,)]


def test_an_address_in_the_id_token_is_accepted(start_api: StartApi, tmp_path: Path, openid_api: Api) -> None:
    port = free_port()
    other = start_api(
        OIDC_ISSUER=f"http://127.0.0.1:{port}", OIDC_CLIENT_ID=CLIENT_ID, OIDC_CLIENT_SECRET=CLIENT_SECRET
    )
    member = person(other, other.organization().id)
    with (
        openid_provider(port, other.url + CALLBACK, tmp_path / "provider.log", conform=False),
        browser(other.url) as screen,
    ):
        prove_identity(screen, "/sign-in/openid", member.email)
        assert screen.path == "/"


def test_a_member_of_two_organizations_chooses_one_without_another_sign_in(openid_api: Api, screen: Browser) -> None:
    email = random_email()
    people = [person(openid_api, openid_api.organization().id, "viewer", email) for _ in range(2)]
    prove_identity(screen, "/sign-in/openid", email)
    wanted = people[1].organization_id
    (button,) = [number for number, (_, value) in enumerate(screen.forms[0].buttons) if value == wanted]
    screen.send(screen.forms[0], button)
    assert screen.path == "/"
    assert wanted in screen.go("/account").text
    rows = openid_api.database.rows(
        "select method from sessions where user_id = %s and method = 'openid'", people[1].id
    )
    assert rows == [("openid",)]


def test_the_page_that_was_wanted_is_shown_after_the_proof(openid_api: Api, screen: Browser) -> None:
    member = person(openid_api, openid_api.organization().id)
    screen.go(_WANTED)
    (link,) = [link for link in screen.links if "openid" in link]
    prove_identity(screen, link, member.email)
    assert screen.page.request.url.raw_path.decode() == _WANTED


def test_the_page_that_was_wanted_is_shown_after_the_choice_of_an_organization(
    openid_api: Api, screen: Browser
) -> None:
    email = random_email()
    for _ in range(2):
        person(openid_api, openid_api.organization().id, "viewer", email)
    prove_identity(screen, f"/sign-in/openid?next={quote(_WANTED)}", email)
    screen.send(screen.forms[0])
    assert screen.page.request.url.raw_path.decode() == _WANTED


def test_a_page_on_another_site_is_not_shown_after_the_proof(openid_api: Api, screen: Browser) -> None:
    member = person(openid_api, openid_api.organization().id)
    prove_identity(screen, "/sign-in/openid?next=//evil.example", member.email)
    assert screen.path == "/"


def test_a_sign_in_with_an_unknown_address_creates_no_user(openid_api: Api, screen: Browser) -> None:
    email = random_email()
    prove_identity(screen, "/sign-in/openid", email)
    assert_refused(screen, openid_api, "Ask for an invitation")
    assert openid_api.database.rows("select 1 from users where email = %s", email) == []


def test_an_unverified_address_is_refused(openid_api: Api, screen: Browser) -> None:
    member = person(openid_api, openid_api.organization().id, email=f"unverified.{random_token()}@example.com")
    prove_identity(screen, "/sign-in/openid", member.email)
    assert_refused(screen, openid_api, "has not verified")


def test_an_address_with_a_lookalike_character_is_a_different_address(openid_api: Api, screen: Browser) -> None:
    local = f"mike{random_token()}"
    person(openid_api, openid_api.organization().id, email=f"{local}@example.com")
    prove_identity(screen, "/sign-in/openid", f"{local.replace('k', chr(0x212A), 1)}@example.com")
    assert_refused(screen, openid_api, "Ask for an invitation")


@pytest.mark.parametrize(("name", "words"), [("nonce", "does not prove"), ("code_challenge", "does not prove")])
def test_an_altered_nonce_or_code_challenge_is_refused(openid_api: Api, screen: Browser, name: str, words: str) -> None:
    member = person(openid_api, openid_api.organization().id)
    altered, count = re.subn(
        rf"(?<=[?&]){name}=[^&]+", f"{name}={_opaque()}", screen.redirect_target("/sign-in/openid")
    )
    assert count == 1
    prove_identity(screen, altered, member.email)
    assert_refused(screen, openid_api, words)


def test_a_response_with_a_different_state_is_refused(openid_api: Api, screen: Browser) -> None:
    member = person(openid_api, openid_api.organization().id)
    url = re.sub(r"(?<=[?&])state=[^&]+", "state=forged", screen.redirect_target("/sign-in/openid"))
    prove_identity(screen, url, member.email)
    assert_refused(screen, openid_api, "another browser")


def test_a_response_to_a_sign_in_in_another_browser_is_refused(openid_api: Api, screen: Browser) -> None:
    """An attacker sends their own response to a victim, who has started no sign-in or another one."""
    attacker = person(openid_api, openid_api.organization().id)
    proof = _callback_url_for(openid_api, attacker.email)
    for started in (False, True):
        if started:
            screen.redirect_target("/sign-in/openid")
        screen.go(proof)
        assert_refused(screen, openid_api, "another browser")


def test_a_response_can_be_used_only_once(openid_api: Api, screen: Browser) -> None:
    member = person(openid_api, openid_api.organization().id)
    prove_identity(screen, "/sign-in/openid", member.email)
    answers = [
        answer.headers["location"] for answer in screen.page.history if CALLBACK in answer.headers.get("location", "")
    ]
    with browser(openid_api.url, X_Forwarded_For=Visitor(openid_api).ip) as other:
        other.go(answers[-1])
        assert_refused(other, openid_api, "another browser")


def test_a_response_with_another_issuer_is_refused(openid_api: Api, screen: Browser) -> None:
    """Otherwise, in a mix-up attack, another provider would receive the codes of this one (RFC 9207)."""
    state = re.findall(r"state=([^&]+)", screen.redirect_target("/sign-in/openid"))[0]
    screen.go(f"{CALLBACK}?state={state}&code=x&iss=https://evil.example")
    assert_refused(screen, openid_api, "another browser")


@pytest.mark.parametrize(
    "query", ["", "?code=x", "?state=x&code=x", "?error=access_denied&state=x", "?state=%FF&code=%00"]
)
def test_a_forged_response_is_refused(openid_api: Api, screen: Browser, query: str) -> None:
    screen.go(CALLBACK + query)
    assert screen.page.status_code in {400, 401, 422}
    assert COOKIE not in screen.cookies


def test_a_refusal_by_the_provider_is_reported(openid_api: Api, screen: Browser) -> None:
    state = re.findall(r"state=([^&]+)", screen.redirect_target("/sign-in/openid"))[0]
    screen.go(f"{CALLBACK}?state={state}&error=access_denied")
    assert_refused(screen, openid_api, "did not sign you in")


def test_an_unreachable_provider_is_reported_and_links_still_work(start_api: StartApi) -> None:
    api = start_api(
        OIDC_ISSUER=f"http://127.0.0.1:{free_port()}", OIDC_CLIENT_ID=CLIENT_ID, OIDC_CLIENT_SECRET=CLIENT_SECRET
    )
    with browser(api.url) as screen:
        answer = screen.go("/sign-in/openid")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "by a link" in answer.text
        assert screen.go("/sign-in").status_code == 200


def test_no_secret_of_the_token_exchange_is_logged(openid_api: Api, screen: Browser) -> None:
    log = openid_api.server.log.read_bytes()
    assert CLIENT_SECRET.encode() not in log
    assert b"id_token" not in log
    assert b"eyJ" not in log


def test_without_a_provider_its_sign_in_does_not_exist(proxied_api: Api) -> None:
    assert httpx2.get(f"{proxied_api.url}/sign-in/openid").status_code == 404
    assert "openid" not in httpx2.get(f"{proxied_api.url}/sign-in").text


def _callback_url_for(openid_api: Api, email: str) -> str:
    """Sign in at the provider and return the callback URL to which it redirects."""
    with browser(openid_api.url, X_Forwarded_For=Visitor(openid_api).ip) as own:
        prove_identity(own, "/sign-in/openid", email)
        sent = [
            answer.headers["location"] for answer in own.page.history if CALLBACK in answer.headers.get("location", "")
        ]
    return sent[-1]


def _opaque() -> str:
    """Return 43 characters, the length of a code challenge (RFC 7636 §4.2), which also fits a state or a nonce."""
    return (random_token() + random_token())[:43]
