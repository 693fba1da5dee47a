"""GET and POST /keys/identify: whose key is this?"""

import html
import re
from hashlib import sha256

import pytest

from domain.keys.state import RETIRED_SECRETS_KEPT
from tests.app.browser import Browser
from tests.app.organizations import Api, Organization, unknown_secret
from tests.app.pages.keys.conftest import SignIn
from tests.app.pages.keys.signed_in import submit
from tests.app.people import Person
from tests.ui.data import HARD_NAME

PATH = "/keys/identify"


def test_the_key_of_a_found_secret_is_named_and_can_be_revoked(
    api: Api, screen: Browser, org: Organization, admin: Person
) -> None:
    key = org.key(name=HARD_NAME)
    assert PATH in screen.go("/keys").text
    screen.go(PATH)
    page = screen.send(screen.form(PATH), key=f"  {key.secret} ")
    assert "&lt;b&gt;ops" in page.text
    assert "the current secret" in page.text
    assert key.secret not in page.text
    (link,) = [link for link in screen.links if link.endswith("/revoke?reason=compromised")]
    assert 'value="compromised" checked' in screen.go(link).text
    (event,) = org.client.get("/v1/audit/events", {"type": "api_key.identified"}).data
    assert event["resource"]["id"] == key.id or event["data"]["key_id"] == key.id


def test_a_digest_is_enough(api: Api, screen: Browser, org: Organization, admin: Person) -> None:
    key = org.key(name="prod")
    digest = sha256(key.secret.encode()).hexdigest()
    assert submit(screen, api, admin, PATH, sha256=digest) == 200
    assert f'href="/keys/{key.id}"' in screen.page.text


def identified(screen: Browser, secret: str) -> str:
    """Return the text of the page after the secret was sent."""
    screen.go(PATH)
    return " ".join(screen.send(screen.form(PATH), key=secret).text.split())


def test_a_secret_that_is_refused_is_said_to_be_so_with_the_reason(
    screen: Browser, org: Organization, admin: Person
) -> None:
    revoked, disabled, expired = org.key(), org.key(), org.expired_key()
    org.client.post(f"{revoked.path}/revoke")
    org.client.post(f"{disabled.path}/disable")
    text = identified(screen, revoked.secret)
    assert "The key is revoked, so every use of it is refused." in text
    assert "Revoke as compromised" not in text
    text = identified(screen, expired.secret)
    assert "The key has expired, so every use of it is refused." in text
    assert "Revoke as compromised" not in text
    text = identified(screen, disabled.secret)
    assert "The key is disabled, so every use of it is refused until someone enables the key." in text
    assert "Anyone who has it can use the key" not in text
    assert "Revoke as compromised" in text


def test_an_earlier_secret_says_until_when_it_works_or_that_a_rotation_ended_it(
    screen: Browser, org: Organization, admin: Person
) -> None:
    overlapping, ended = org.key(), org.key()
    org.client.post(f"{overlapping.path}/rotate", {"overlap_seconds": 3600})
    org.client.post(f"{ended.path}/rotate", {"overlap_seconds": 0})
    org.client.post(f"{ended.path}/disable")
    text = identified(screen, overlapping.secret)
    assert "an earlier secret, version 1," in text
    (until,) = [each["valid_until"] for each in org.detail(overlapping)["secrets"] if each["valid_until"]]
    assert f'Anyone who has it can use the key until <time datetime="{until[:16]}' in text
    assert "when the overlap of the rotation ends." in text
    text = identified(screen, ended.secret)
    assert "A rotation ended this secret <time" in text
    assert "so every use of it is refused." in text


def test_a_secret_that_ended_many_rotations_ago_is_said_to_have_ended(
    screen: Browser, org: Organization, admin: Person
) -> None:
    key = org.key()
    for _ in range(RETIRED_SECRETS_KEPT + 2):
        org.client.post(f"{key.path}/rotate", {"overlap_seconds": 0})
    assert "version 1," in identified(screen, key.secret)
    assert "A rotation ended this secret, so every use of it is refused." in identified(screen, key.secret)


def test_unknown_keys_and_those_of_others_are_not_told_apart(
    api: Api, screen: Browser, org: Organization, admin: Person
) -> None:
    for secret in (unknown_secret(), api.organization().key().secret):
        screen.go(PATH)
        page = screen.send(screen.form(PATH), key=secret)
        assert "This key doesn't belong to your organization." in page.text


def test_a_member_learns_nothing_about_keys_of_others(screen: Browser, org: Organization, sign_in: SignIn) -> None:
    member = sign_in("member")
    own = member.client.post("/v1/api-keys", {"name": "mine"}).data
    for secret in (org.key(name="theirs").secret, unknown_secret()):
        screen.go(PATH)
        page = screen.send(screen.form(PATH), key=secret)
        assert "This isn't one of your keys." in page.text
        assert "theirs" not in page.text
    screen.go(PATH)
    assert "mine" in screen.send(screen.form(PATH), key=own["key"]).text


@pytest.mark.parametrize(
    ("key", "flaw"),
    [
        ("", "This isn't a key. A key starts with pk_live_ or pk_test_"),
        ("hello", "This isn't a key."),
        ("pk_live_short", "This isn't a complete key."),
        (f"{unknown_secret()}0", "This is longer than a key."),
        (f"pk_live_{32 * '0'}", "A character of this key is wrong"),
    ],
)
def test_a_text_that_is_no_key_is_refused_with_its_flaw_and_not_repeated(
    screen: Browser, admin: Person, key: str, flaw: str
) -> None:
    screen.go(PATH)
    page = screen.send(screen.form(PATH), key=key)
    assert page.status_code == 422
    (shown,) = re.findall(r'<p class="field-error" id="key-error">(.*?)</p>', page.text, re.DOTALL)
    assert flaw in html.unescape(shown)
    assert not key or f'value="{key}"' not in page.text


def test_a_role_that_sees_no_keys_cannot_ask(screen: Browser, sign_in: SignIn) -> None:
    sign_in("viewer")
    assert screen.go(PATH).status_code == 403
