"""GET and POST /keys/identify: whose key is this?"""

from hashlib import sha256

import pytest

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


def test_a_revoked_and_an_earlier_secret_are_said_to_be_so(screen: Browser, org: Organization, admin: Person) -> None:
    revoked, rotated = org.key(), org.key()
    org.client.post(f"{revoked.path}/revoke")
    org.client.post(f"{rotated.path}/rotate", {"overlap_seconds": 3600})
    screen.go(PATH)
    text = screen.send(screen.form(PATH), key=revoked.secret).text
    assert "The key is revoked, so every use of it is refused." in text
    assert "Revoke as compromised" not in text
    screen.go(PATH)
    assert "an earlier secret, version 1," in screen.send(screen.form(PATH), key=rotated.secret).text


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


@pytest.mark.parametrize("key", ["", "hello", "pk_live_short"])
def test_a_text_that_is_no_key_is_refused_and_not_repeated(screen: Browser, admin: Person, key: str) -> None:
    screen.go(PATH)
    page = screen.send(screen.form(PATH), key=key)
    assert page.status_code == 422
    assert "This isn't a complete key." in page.text.replace("&#39;", "'")
    assert not key or f'value="{key}"' not in page.text


def test_a_role_that_sees_no_keys_cannot_ask(screen: Browser, sign_in: SignIn) -> None:
    sign_in("viewer")
    assert screen.go(PATH).status_code == 403
