"""Signing in through a certified OpenID provider, and all the ways in which that must not sign anybody in."""

import re
from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture(scope="module")
def issuer_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def house(start_api: StartApi, issuer_port: int) -> Api:
    """A server whose people may sign in through the provider at that port, which need not run."""
    return start_api(
        KEYLEDGER_TRUSTED_PROXIES="127.0.0.0/8",
        OIDC_ISSUER=f"http://127.0.0.1:{issuer_port}",
        OIDC_CLIENT_ID=CLIENT_ID,
        OIDC_CLIENT_SECRET=CLIENT_SECRET,
        OIDC_NAME="Example ID",
    )


@pytest.fixture(scope="module")
def issuer(house: Api, issuer_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("openid") / "provider.log"
    with openid_provider(issuer_port, house.url + CALLBACK, log) as running:
        yield running


@pytest.fixture
def screen(house: Api, issuer: str) -> Iterator[Browser]:
    with browser(house.url, X_Forwarded_For=Visitor(house).ip) as opened:
        yield opened


def proves(screen: Browser, url: str, email: str) -> None:
    """Go to the provider, say who one is, and consent; the provider then leads back."""
    screen.go(url)
    screen.send(screen.forms[0], login=email, password="whatever")  # noqa: S106 -- any will do there
    if screen.forms and screen.forms[0].fields.get("prompt") == "consent":
        screen.send(screen.forms[0])


def refused(screen: Browser, house: Api, words: str, status: int = 401) -> None:
    assert screen.page.status_code == status, screen.page.text
    assert words in screen.page.text
    assert COOKIE not in screen.cookies


def test_whoever_the_provider_vouches_for_is_signed_in(house: Api, screen: Browser) -> None:
    somebody = person(house, house.organization().id, "auditor")
    screen.go("/sign-in")
    assert "Sign in with Example ID" in screen.page.text
    (link,) = [link for link in screen.links if "openid" in link]
    proves(screen, link, somebody.email)
    assert (screen.page.status_code, screen.path) == (200, "/account"), screen.page.text
    assert somebody.email in screen.page.text
    assert "keyledger_openid" not in screen.cookies
    rows = house.database.rows("select count(*) from sessions where user_id = %s and method = 'openid'", somebody.id)
    assert rows == [(1,)]


def test_the_address_may_stand_in_the_proof_itself(start_api: StartApi, tmp_path: Path, house: Api) -> None:
    port = free_port()
    other = start_api(
        OIDC_ISSUER=f"http://127.0.0.1:{port}", OIDC_CLIENT_ID=CLIENT_ID, OIDC_CLIENT_SECRET=CLIENT_SECRET
    )
    somebody = person(other, other.organization().id)
    with (
        openid_provider(port, other.url + CALLBACK, tmp_path / "provider.log", conform=False),
        browser(other.url) as screen,
    ):
        proves(screen, "/sign-in/openid", somebody.email)
        assert screen.path == "/account"


def test_a_person_of_two_organizations_chooses_and_proves_nothing_again(house: Api, screen: Browser) -> None:
    email = random_email()
    people = [person(house, house.organization().id, "viewer", email) for _ in range(2)]
    proves(screen, "/sign-in/openid", email)
    wanted = people[1].organization_id
    (button,) = [number for number, (_, value) in enumerate(screen.forms[0].buttons) if value == wanted]
    screen.send(screen.forms[0], button)
    assert screen.path == "/account"
    assert wanted in screen.page.text
    rows = house.database.rows("select method from sessions where user_id = %s and method = 'openid'", people[1].id)
    assert rows == [("openid",)]


def test_nobody_is_added_by_signing_in(house: Api, screen: Browser) -> None:
    email = random_email()
    proves(screen, "/sign-in/openid", email)
    refused(screen, house, "Ask for an invitation")
    assert house.database.rows("select 1 from users where email = %s", email) == []


def test_an_address_that_the_provider_does_not_vouch_for_is_worth_nothing(house: Api, screen: Browser) -> None:
    somebody = person(house, house.organization().id, email=f"unverified.{random_token()}@example.com")
    proves(screen, "/sign-in/openid", somebody.email)
    refused(screen, house, "does not vouch")


def test_an_address_that_only_looks_the_same_is_another(house: Api, screen: Browser) -> None:
    local = f"mike{random_token()}"
    person(house, house.organization().id, email=f"{local}@example.com")
    proves(screen, "/sign-in/openid", f"{local.replace('k', chr(0x212A), 1)}@example.com")
    refused(screen, house, "Ask for an invitation")


@pytest.mark.parametrize(("name", "words"), [("nonce", "does not prove"), ("code_challenge", "does not prove")])
def test_what_was_altered_on_the_way_to_the_provider_is_noticed(
    house: Api, screen: Browser, name: str, words: str
) -> None:
    somebody = person(house, house.organization().id)
    altered, count = re.subn(
        rf"(?<=[?&]){name}=[^&]+", f"{name}={_opaque()}", screen.redirect_target("/sign-in/openid")
    )
    assert count == 1
    proves(screen, altered, somebody.email)
    refused(screen, house, words)


def test_the_state_that_comes_back_must_be_the_one_that_was_sent(house: Api, screen: Browser) -> None:
    somebody = person(house, house.organization().id)
    url = re.sub(r"(?<=[?&])state=[^&]+", "state=forged", screen.redirect_target("/sign-in/openid"))
    proves(screen, url, somebody.email)
    refused(screen, house, "another browser")


def test_the_answer_to_someone_elses_sign_in_signs_nobody_in(house: Api, screen: Browser) -> None:
    """An attacker's own answer, sent to a victim: with no sign-in begun there, and with another one begun."""
    attacker = person(house, house.organization().id)
    proof = _answer_for(house, attacker.email)
    for begun in (False, True):
        if begun:
            screen.redirect_target("/sign-in/openid")
        screen.go(proof)
        refused(screen, house, "another browser")


def test_an_answer_is_good_once(house: Api, screen: Browser) -> None:
    somebody = person(house, house.organization().id)
    proves(screen, "/sign-in/openid", somebody.email)
    answers = [
        answer.headers["location"] for answer in screen.page.history if CALLBACK in answer.headers.get("location", "")
    ]
    with browser(house.url, X_Forwarded_For=Visitor(house).ip) as other:
        other.go(answers[-1])
        refused(other, house, "another browser")


def test_an_answer_of_another_issuer_is_refused(house: Api, screen: Browser) -> None:
    """RFC 9207: or a provider that was mixed up with ours would be handed our codes."""
    state = re.findall(r"state=([^&]+)", screen.redirect_target("/sign-in/openid"))[0]
    screen.go(f"{CALLBACK}?state={state}&code=x&iss=https://evil.example")
    refused(screen, house, "another browser")


@pytest.mark.parametrize(
    "query", ["", "?code=x", "?state=x&code=x", "?error=access_denied&state=x", "?state=%FF&code=%00"]
)
def test_an_answer_that_nobody_gave_is_refused(house: Api, screen: Browser, query: str) -> None:
    screen.go(CALLBACK + query)
    assert screen.page.status_code in {400, 401, 422}
    assert COOKIE not in screen.cookies


def test_a_refusal_at_the_provider_is_told(house: Api, screen: Browser) -> None:
    state = re.findall(r"state=([^&]+)", screen.redirect_target("/sign-in/openid"))[0]
    screen.go(f"{CALLBACK}?state={state}&error=access_denied")
    refused(screen, house, "did not sign you in")


def test_a_provider_that_is_away_is_told_and_links_still_work(start_api: StartApi) -> None:
    api = start_api(
        OIDC_ISSUER=f"http://127.0.0.1:{free_port()}", OIDC_CLIENT_ID=CLIENT_ID, OIDC_CLIENT_SECRET=CLIENT_SECRET
    )
    with browser(api.url) as screen:
        answer = screen.go("/sign-in/openid")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "by a link" in answer.text
        assert screen.go("/sign-in").status_code == 200


def test_no_secret_of_the_exchange_is_logged(house: Api, screen: Browser) -> None:
    log = house.server.log.read_bytes()
    assert CLIENT_SECRET.encode() not in log
    assert b"id_token" not in log
    assert b"eyJ" not in log


def test_without_a_provider_there_is_no_such_way(proxied_api: Api) -> None:
    assert httpx2.get(f"{proxied_api.url}/sign-in/openid").status_code == 404
    assert "openid" not in httpx2.get(f"{proxied_api.url}/sign-in").text


def _answer_for(house: Api, email: str) -> str:
    """The address with which the provider sends someone back who has proved who they are; nobody has gone there yet."""
    with browser(house.url, X_Forwarded_For=Visitor(house).ip) as own:
        proves(own, "/sign-in/openid", email)
        sent = [
            answer.headers["location"] for answer in own.page.history if CALLBACK in answer.headers.get("location", "")
        ]
    return sent[-1]


def _opaque() -> str:
    """Return 43 characters, as a code challenge has (RFC 7636 §4.2) and state and nonce may have."""
    return (random_token() + random_token())[:43]
