"""GET and POST /keys/identify: whose key is this?"""

import html
import re
from hashlib import sha256

import httpx2
import pytest

from domain.keys.state import RETIRED_SECRETS_KEPT
from infrastructure.clock import now
from tests.app.api.usage.usage_data import count
from tests.app.browser import Browser
from tests.app.organizations import Api, Organization, unknown_secret
from tests.app.pages.keys.conftest import SignIn
from tests.app.pages.keys.signed_in import submit
from tests.app.people import Person
from tests.app.recorded_uses import record, uses
from tests.ui.data import HARD_NAME

PATH = "/keys/identify"


def asked(screen: Browser, text: str) -> httpx2.Response:
    """Return the page after the text was sent with the form that needs no script."""
    screen.go(PATH)
    (form,) = [form for form in screen.forms if "key" in form.fields]
    return screen.send(form, key=text)


def test_the_key_of_a_found_secret_is_named_and_can_be_revoked(
    api: Api, screen: Browser, org: Organization, admin: Person
) -> None:
    key = org.key(name=HARD_NAME)
    assert PATH in screen.go("/keys").text
    page = asked(screen, f"  {key.secret} ")
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
    return " ".join(asked(screen, secret).text.split())


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
        page = asked(screen, secret)
        assert "This key doesn't belong to your organization." in page.text


def test_a_member_learns_nothing_about_keys_of_others(screen: Browser, org: Organization, sign_in: SignIn) -> None:
    member = sign_in("member")
    own = member.client.post("/v1/api-keys", {"name": "mine"}).data
    for secret in (org.key(name="theirs").secret, unknown_secret()):
        page = asked(screen, secret)
        assert "This isn't one of your keys." in page.text
        assert "theirs" not in page.text
    assert "mine" in asked(screen, own["key"]).text


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
    page = asked(screen, key)
    assert page.status_code == 422
    (shown,) = re.findall(r'<p class="field-error" id="key-error">(.*?)</p>', page.text, re.DOTALL)
    assert flaw in html.unescape(shown)
    assert not key or f'value="{key}"' not in page.text


@pytest.mark.parametrize("around", ["Authorization: Bearer {}", "KEYLEDGER_KEY={}", "'{}'", 'key = "{}"; other'])
def test_a_key_is_found_in_the_text_around_it(screen: Browser, org: Organization, admin: Person, around: str) -> None:
    key = org.key(name="prod")
    assert f'href="/keys/{key.id}"' in asked(screen, around.format(key.secret)).text


def test_the_result_has_an_address_of_its_own_without_the_secret(
    screen: Browser, org: Organization, admin: Person
) -> None:
    key = org.key(name="prod")
    org.client.post(f"{key.path}/rotate", {"overlap_seconds": 3600})
    assert "an earlier secret, version 1," in asked(screen, key.secret).text
    address = str(screen.page.url)
    assert address.endswith(f"{PATH}?key={key.id}&version=1")
    for _ in range(2):
        assert "an earlier secret, version 1," in screen.go(address).text
    assert len(org.client.get("/v1/audit/events", {"type": "api_key.identified"}).data) == 1
    for version in ("", "&version=0", "&version=3"):
        assert screen.go(f"{PATH}?key={key.id}{version}").status_code == 404


def test_no_address_shows_a_key_that_the_user_cannot_see(
    api: Api, screen: Browser, org: Organization, sign_in: SignIn
) -> None:
    hidden, foreign = org.key(name="theirs"), api.organization().key(name="theirs")
    sign_in("member")
    for key_id in (hidden.id, foreign.id, "key_unknown"):
        page = screen.go(f"{PATH}?key={key_id}&version=1")
        assert page.status_code == 404
        assert "theirs" not in page.text


def test_the_result_says_what_the_key_can_do_and_when_it_was_used(
    api: Api, screen: Browser, org: Organization, admin: Person
) -> None:
    wiki = org.mcp(name="Wiki")
    key = org.key(permissions={"mcps": [wiki]})
    text = identified(screen, key.secret)
    assert "Can call all Wiki tools." in text
    assert "The key has never been used." in text
    at = now()
    record(org, at, uses(org, key, 1, at))
    count(api)
    assert "The key was last used <time" in identified(screen, key.secret)


def test_the_beginning_of_a_key_can_be_searched_for(screen: Browser, org: Organization, admin: Person) -> None:
    key = org.key(name="prod")
    asked(screen, f"Bearer {key.secret[:20]}")
    link = f"/keys?q={key.secret[:12]}"
    assert link in screen.links
    assert "prod" in screen.go(link).text
    asked(screen, "hello")
    assert not [link for link in screen.links if link.startswith("/keys?q=pk")]


def test_the_field_has_the_focus_until_there_is_a_result(screen: Browser, org: Organization, admin: Person) -> None:
    assert " autofocus" in screen.go(PATH).text
    for text in (org.key().secret, unknown_secret(), "hello"):
        assert " autofocus" not in asked(screen, text).text


def test_a_role_that_sees_no_keys_cannot_ask(screen: Browser, sign_in: SignIn) -> None:
    sign_in("viewer")
    assert screen.go(PATH).status_code == 403
