"""Identifying a found key, in a real browser."""

import re

import pytest
from playwright.sync_api import Request, expect

from tests.app.organizations import Api, Organization
from tests.app.people import person
from tests.ui.looks import Look
from tests.ui.menu import open_menu
from tests.ui.secret_traces import secret_traces
from tests.ui.ui import Ui


def test_a_key_is_identified_and_revoked_without_leaving_the_browser(
    ui: Ui, api: Api, org: Organization, look: Look
) -> None:
    key = org.key(name="Leaked")
    page = ui.open("/keys/identify", person(api, org.id, "admin"), look)
    sent: list[str] = []

    def keep(request: Request) -> None:
        sent.append(f"{request.url} {request.post_data or ''}")

    page.on("request", keep)
    page.get_by_role("textbox", name="Key").fill(key.secret)
    page.get_by_role("button", name="Identify", exact=True).click()
    page.get_by_role("heading", name="Leaked").wait_for()
    assert sent
    assert not [text for text in sent if key.secret in text]
    assert secret_traces(page, key.secret) == []
    page.get_by_role("link", name="Revoke as compromised").click()
    page.get_by_role("radio", name="Compromised").wait_for()
    assert page.get_by_role("radio", name="Compromised").is_checked()


def test_a_leaked_key_is_found_and_stopped(ui: Ui, api: Api, org: Organization, look: Look) -> None:
    wiki = org.mcp(name="Wiki")
    key = org.key(name="Leaked", permissions={"mcps": [wiki]})
    org.verify(key.secret, mcp_id=wiki, tool="get_page", ip="203.0.113.9")
    page = ui.open("/", person(api, org.id, "owner"), look)
    open_menu(page)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="API Keys").click()
    page.get_by_role("link", name="Found a leaked key?").click()
    page.get_by_role("textbox", name="Key").fill(key.secret)
    page.get_by_role("button", name="Identify", exact=True).click()
    page.get_by_role("link", name="Revoke as compromised").click()
    expect(page.get_by_text("most recently just now from 203.0.113.9.")).to_be_visible()
    expect(page.get_by_text("What stops: get_page on Wiki (1).")).to_be_visible()
    page.get_by_label("Type the key's name to confirm").fill("Leaked")
    page.get_by_role("button", name="Revoke key").click()
    expect(page.get_by_text("“Leaked” is revoked. It has been refused everywhere since ")).to_be_visible()
    expect(page.get_by_text("because it was compromised. Not used since.")).to_be_visible()
    assert org.verify(key.secret)["code"] == "revoked_key"
    assert secret_traces(page, key.secret) == []


def test_what_is_no_key_is_refused_with_its_flaw_before_anything_is_sent(ui: Ui, api: Api, org: Organization) -> None:
    secret = org.key().secret
    page = ui.open("/keys/identify", person(api, org.id, "admin"))
    field, button = page.get_by_role("textbox", name="Key"), page.get_by_role("button", name="Identify", exact=True)
    mistyped = secret[:-7] + ("a" if secret[-7] != "a" else "b") + secret[-6:]
    flaws = {
        "hello": "This isn't a key.",
        "pk_live_short": "This isn't a complete key.",
        f"{secret}0": "This is longer than a key.",
        mistyped: "A character of this key is wrong",
    }
    for text, flaw in flaws.items():
        field.fill(text)
        button.click()
        page.get_by_text(flaw).wait_for()
        assert page.get_by_role("link", name="Search for it").is_visible() == (text == "pk_live_short")
    field.fill(f"Bearer {secret[:20]}")
    button.click()
    search = page.get_by_role("link", name="Search for it in API Keys")
    expect(search).to_have_attribute("href", re.compile(rf"/keys\?q={secret[:12]}$"))
    field.fill(secret)
    button.click()
    page.get_by_role("heading", name="Deploy").wait_for()


@pytest.mark.parametrize("around", ["Authorization: Bearer {}", "KEYLEDGER_KEY={}", "'{}'", 'key = "{}"; other'])
def test_a_key_is_found_in_the_text_around_it(ui: Ui, api: Api, org: Organization, around: str) -> None:
    key = org.key(name="Leaked")
    page = ui.open("/keys/identify", person(api, org.id, "admin"))
    expect(page.get_by_role("textbox", name="Key")).to_be_focused()
    page.keyboard.insert_text(around.format(key.secret))
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Leaked").wait_for()


def test_going_back_from_the_activity_shows_the_result_again(ui: Ui, api: Api, org: Organization) -> None:
    key = org.key(name="Leaked")
    page = ui.open("/keys/identify", person(api, org.id, "admin"))
    page.get_by_role("textbox", name="Key").fill(key.secret)
    page.get_by_role("button", name="Identify", exact=True).click()
    page.get_by_role("link", name="See its activity").click()
    page.wait_for_url(f"**/keys/{key.id}/activity")
    page.go_back()
    page.get_by_role("heading", name="Leaked").wait_for()
    assert key.secret not in page.content()


def test_a_key_is_identified_without_javascript(ui: Ui, api: Api, org: Organization) -> None:
    key = org.key(name="Leaked")
    page = ui.open("/keys/identify", person(api, org.id, "admin"), java_script=False)
    page.get_by_text("the key itself is sent to this server").wait_for()
    page.get_by_role("textbox", name="Key").fill(key.secret)
    page.get_by_role("button", name="Send and identify").click()
    page.get_by_role("heading", name="Leaked").wait_for()
    assert key.secret not in page.content()
