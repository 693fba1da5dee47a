"""GET and POST /keys/revoke."""

import re
from datetime import timedelta

import pytest

from domain.members.events import Role
from infrastructure.clock import now
from tests.app.api.usage.usage_data import count
from tests.app.browser import Browser, Form
from tests.app.organizations import Api, Key, Organization
from tests.app.pages.keys.conftest import SignIn
from tests.app.people import Person, person


def selected(*keys: Key) -> str:
    return "/keys/revoke?" + "&".join(f"ids={key.id}" for key in keys)


def confirmation(screen: Browser) -> Form:
    (form,) = [form for form in screen.forms if (form.action, form.method) == ("/keys/revoke", "post")]
    return form


def words(screen: Browser) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", screen.page.text).split())


def statuses(org: Organization, *keys: Key) -> list[str]:
    return [org.detail(key)["status"] for key in keys]


def test_the_preview_counts_what_it_revokes_and_what_is_in_use(
    proxied_api: Api, screen: Browser, org: Organization, admin: Person
) -> None:
    used, unused, revoked = (org.key(name=name) for name in ("in use", "idle", "gone"))
    org.client.delete(revoked.path)
    org.verify(used.secret)
    count(proxied_api)
    screen.go(selected(unused, used, revoked))
    text = words(screen)
    assert "3 keys match. 2 will be revoked, 1 already is. 1 was used in the last 24 hours:" in text
    assert "Revoke 2 keys?" in text
    assert text.index("in use") < text.index("idle")
    assert statuses(org, used, unused) == ["active", "active"]


def test_the_confirmed_keys_are_revoked(screen: Browser, org: Organization, admin: Person) -> None:
    first, second, other = org.key(name="a"), org.key(name="b"), org.key(name="c")
    screen.go(selected(first, second))
    screen.send(confirmation(screen), reason="compromised", confirmation="revoke 2 keys")
    assert screen.page.status_code == 200
    assert "2 keys revoked" in words(screen)
    assert statuses(org, first, second, other) == ["revoked", "revoked", "active"]
    assert org.detail(first)["revoked_reason"] == "compromised"
    assert org.activity(first)[0]["actor"]["id"] == admin.id


def test_sending_the_form_again_revokes_nothing_more(screen: Browser, org: Organization, admin: Person) -> None:
    key = org.key()
    screen.go(selected(key))
    form = confirmation(screen)
    for _ in range(2):
        screen.send(form, reason="compromised", confirmation="revoke 1 key")
        assert screen.page.status_code == 200
    assert "1 key matches. It is revoked already." in words(screen)


@pytest.mark.parametrize("typed", ["", "yes", "revoke 3 keys", "revoke keys"])
def test_nothing_is_revoked_without_the_words(screen: Browser, org: Organization, admin: Person, typed: str) -> None:
    keys = org.key(), org.key()
    screen.go(selected(*keys))
    screen.send(confirmation(screen), reason="compromised", confirmation=typed)
    assert screen.page.status_code == 422
    assert "Type “revoke 2 keys” to confirm." in words(screen)
    assert confirmation(screen).fields["reason"] == "compromised"
    assert statuses(org, *keys) == ["active", "active"]


def test_nothing_is_revoked_without_a_reason(screen: Browser, org: Organization, admin: Person) -> None:
    key = org.key()
    screen.go(selected(key))
    screen.send(confirmation(screen), confirmation="revoke 1 key")
    assert screen.page.status_code == 422
    assert "Choose why the keys are revoked." in words(screen)
    assert statuses(org, key) == ["active"]


def test_nothing_is_revoked_if_the_number_of_keys_has_changed(
    screen: Browser, org: Organization, admin: Person
) -> None:
    mcp_id = org.mcp()
    first = org.key(permissions={"mcps": [mcp_id]})
    screen.go(f"/keys/revoke?mcp_id={mcp_id}")
    (number,) = re.findall(r"Revoke (\d+) keys\?", screen.page.text)[:1] or ["1"]
    form = confirmation(screen)
    second = org.key(permissions={"mcps": [mcp_id]})
    screen.send(form, reason="compromised", confirmation=f"revoke {number} keys")
    assert screen.page.status_code == 422
    assert statuses(org, first, second) == ["active", "active"]


def test_keys_are_selected_by_criteria(screen: Browser, org: Organization, admin: Person) -> None:
    old = org.seeded_key(name="old", at=now() - timedelta(days=30))
    org.key(name="new")
    screen.go("/keys/revoke")
    (form,) = [form for form in screen.forms if (form.action, form.method) == ("/keys/revoke", "get")]
    assert set(form.fields) == {"created_by", "mcp_id", "created_before"}
    day = f"{now() - timedelta(days=10):%Y-%m-%d}"
    screen.go(f"/keys/revoke?created_by=&mcp_id=&created_before={day}")
    text = words(screen)
    assert "1 key matches and will be revoked." in text
    assert f"Created before {now() - timedelta(days=10):%-d %b %Y}" in text
    screen.send(confirmation(screen), reason="no_longer_needed", confirmation="Revoke 1 key")
    assert statuses(org, old) == ["revoked"]


def test_criteria_are_shown_by_name(screen: Browser, org: Organization, admin: Person) -> None:
    mcp_id = org.mcp(name="GitHub")
    screen.go(f"/keys/revoke?mcp_id={mcp_id}&created_by={admin.id}")
    assert "Can reach GitHub" in words(screen)
    assert f"Created by {admin.email}" in words(screen)
    assert "No keys match." in words(screen)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("created_before=2999-01-01", "created_before"),
        ("created_before=soon", "created_before"),
        ("mcp_id=x", "mcp_id"),
    ],
)
def test_a_malformed_criterion_has_a_message(screen: Browser, admin: Person, query: str, field: str) -> None:
    screen.go(f"/keys/revoke?{query}")
    assert screen.page.status_code == 422
    assert f'href="#{field}"' in screen.page.text


def test_keys_of_another_organization_are_unknown(proxied_api: Api, screen: Browser, admin: Person) -> None:
    foreign = proxied_api.organization().key()
    screen.go(selected(foreign))
    assert screen.page.status_code == 422
    assert "No such keys in this organization" in screen.page.text


@pytest.mark.parametrize("role", ["member", "auditor", "viewer"])
def test_only_admins_and_owners_revoke_many_keys(
    screen: Browser, org: Organization, sign_in: SignIn, role: Role
) -> None:
    sign_in(role)
    assert screen.go("/keys/revoke").status_code == 403
    if role != "viewer":
        assert "/keys/revoke" not in screen.go("/keys").text


def test_names_are_escaped(screen: Browser, org: Organization, admin: Person) -> None:
    screen.go(selected(org.key(name="<script>alert(1)</script>")))
    assert "<script>alert" not in screen.page.text


def test_a_creator_is_named_also_after_leaving_and_stays_chosen(
    proxied_api: Api, screen: Browser, org: Organization, admin: Person
) -> None:
    gone = person(proxied_api, org.id, "member")
    admin.client.delete(f"/v1/organization/members/{gone.id}")
    for creator, name in ((gone.id, "a former member"), (org.manager.id, "another key"), (admin.id, admin.email)):
        screen.go(f"/keys/revoke?created_by={creator}")
        assert f"Created by {name}" in words(screen)
        screen.go(f"/keys/revoke?created_by={creator}&created_before=yesterday")
        (form,) = [form for form in screen.forms if "created_before" in form.fields]
        assert form.fields["created_by"] == creator
