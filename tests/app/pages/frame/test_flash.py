"""The cookie for the message about the last action: signed, short-lived, and without any text of a person."""

import base64
import json
from collections.abc import Callable
from http.cookies import SimpleCookie

import httpx2
import pytest

from app.auth.sessions import csrf_token
from tests.app.browser import Browser
from tests.app.organizations import Api, Key, Organization
from tests.app.pages.conftest import OpenAs
from tests.app.people import COOKIE, Person, person

FLASH = "keyledger_flash"
NAME = "In the vault of Ada"


@pytest.fixture
def owner(api: Api, org: Organization) -> Person:
    return person(api, org.id, "owner")


@pytest.fixture
def key(org: Organization) -> Key:
    return org.key(name=NAME, description=NAME)


def revoked(api: Api, who: Person, key: Key) -> httpx2.Response:
    """Revoke a key with the form of its page, as `who`, and return the redirect."""
    page = f"{api.url}/keys/{key.id}/revoke"
    fields = {"csrf_token": csrf_token(who.secret), "reason": "compromised", "note": NAME, "revision": "1"}
    answer = httpx2.post(page, data=fields, headers={"Cookie": f"{COOKIE}={who.secret}", "Origin": api.url})
    assert answer.status_code == 303, answer.text
    return answer


def flash_in(answer: httpx2.Response) -> str:
    """Return the value of the cookie that the answer sets."""
    (header,) = [header for header in answer.headers.get_list("set-cookie") if header.startswith(f"{FLASH}=")]
    return SimpleCookie(header)[FLASH].value


def test_the_cookie_lasts_30_seconds_and_no_script_or_other_site_gets_it(api: Api, owner: Person, key: Key) -> None:
    (header,) = revoked(api, owner, key).headers.get_list("set-cookie")
    assert header == f"{FLASH}={flash_in_header(header)}; Path=/; Max-Age=30; HttpOnly; SameSite=Lax"


def flash_in_header(header: str) -> str:
    return SimpleCookie(header)[FLASH].value


def test_the_cookie_contains_a_code_ids_and_a_time_but_no_text(api: Api, owner: Person, key: Key) -> None:
    answer = revoked(api, owner, key)
    value = flash_in(answer)
    content = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))[32:]
    stored = json.loads(content)
    assert set(stored) == {"code", "subject_id", "at", "focus"}
    assert stored["focus"] in ("", "main")
    assert (stored["code"], stored["subject_id"]) == ("key_revoked", key.id)
    assert NAME not in content.decode()
    assert "?" not in answer.headers["location"], "the address does not tell the message either"


def test_the_message_is_shown_once(api: Api, open_as: OpenAs, owner: Person, key: Key) -> None:
    window = open_as(owner)
    window.keep_cookie(FLASH, flash_in(revoked(api, owner, key)))
    assert f"“{NAME}” is revoked. It has been refused everywhere since " in window.go(f"/keys/{key.id}").text
    assert FLASH not in window.cookies
    assert "is revoked. It has been refused" not in window.go(f"/keys/{key.id}").text


def _forged(value: str) -> str:
    """Return the cookie with another code under the same signature."""
    raw = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    changed = raw.replace(b"key_revoked", b"key_enabled")
    assert changed != raw
    return base64.urlsafe_b64encode(changed).rstrip(b"=").decode()


def _text(_: str) -> str:
    return "Your account is locked. Call us."


def _unsigned(_: str) -> str:
    return base64.urlsafe_b64encode(bytes(32) + b'{"code":"key_revoked"}').decode()


@pytest.mark.parametrize("change", [_forged, _text, _unsigned])
def test_a_cookie_that_the_service_did_not_make_shows_nothing(
    api: Api, open_as: OpenAs, owner: Person, key: Key, change: Callable[[str], str]
) -> None:
    window = open_as(owner)
    window.keep_cookie(FLASH, f'"{change(flash_in(revoked(api, owner, key)))}"'.strip('"'))
    assert_no_message(window)


def test_the_message_of_another_person_is_not_shown(
    api: Api, open_as: OpenAs, org: Organization, owner: Person, key: Key
) -> None:
    window = open_as(person(api, org.id, "admin"))
    window.keep_cookie(FLASH, flash_in(revoked(api, owner, key)))
    assert_no_message(window)


def assert_no_message(window: Browser) -> None:
    page = window.go("/account")
    assert page.status_code == 200
    assert 'class="toast"' not in page.text
