"""The signing secret of a webhook and the link of an invitation: shown once, and left only on purpose."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Error, Page, expect

from tests.app.organizations import Organization
from tests.app.people import person
from tests.random_input import random_email
from tests.ui.looks import Look
from tests.ui.secret_traces import secret_traces
from tests.ui.ui import Ui


def create_webhook(page: Page, _: Organization) -> str:
    page.goto("/webhooks/new")
    page.get_by_label("URL", exact=True).fill("https://example.com/hooks")
    page.get_by_role("button", name="Create webhook").click()
    return page.get_by_role("textbox", name="Signing secret").input_value()


def rotate_webhook(page: Page, org: Organization) -> str:
    page.goto(f"/webhooks/{webhook(org)}/rotate")
    page.get_by_role("button", name="Rotate secret").click()
    return page.get_by_role("textbox", name="Signing secret").input_value()


def invite(page: Page, _: Organization) -> str:
    page.goto("/members/invite")
    page.get_by_label("Email address").fill(random_email())
    page.get_by_role("button", name="Send invitation").click()
    return page.get_by_role("textbox", name="Link").input_value()


def webhook(org: Organization) -> str:
    created: str = org.client.post("/v1/webhooks", {"url": "https://example.com/hooks", "events": ["*"]}).data["id"]
    return created


@dataclass(frozen=True)
class Shown:
    """A secret of a page: what shows and returns it, how it starts, and the page that follows."""

    show: Callable[[Page, Organization], str]
    starts: str
    next_page: str


every_secret = pytest.mark.parametrize(
    "shown",
    [
        Shown(create_webhook, "whsec_", "/webhooks/hook_"),
        Shown(rotate_webhook, "whsec_", "/webhooks/hook_"),
        Shown(invite, "http", r"/members\??$"),
    ],
    ids=["created webhook", "rotated webhook", "invitation"],
)


@every_secret
def test_leaving_needs_the_checkbox(ui: Ui, org: Organization, look: Look, shown: Shown) -> None:
    page = ui.window(person(org.api, org.id, "admin"), look)
    secret = shown.show(page, org)
    assert secret.startswith(shown.starts)
    hint = page.locator("[data-hint]")
    done = page.get_by_role("button", name="Done")
    expect(hint).to_be_hidden()
    expect(done).to_be_disabled()
    page.keyboard.press("Escape")
    expect(hint).to_be_visible()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("checkbox").check()
    expect(hint).to_be_hidden()
    done.click()
    page.wait_for_url(re.compile(shown.next_page))
    assert not page.url.endswith("?")
    assert secret_traces(page, secret) == []


@every_secret
def test_reloading_and_going_back_show_nothing(ui: Ui, org: Organization, shown: Shown) -> None:
    page = ui.window(person(org.api, org.id, "admin"))
    secret = shown.show(page, org)
    page.reload()
    expect(page.get_by_text("This form was already sent.")).to_be_visible()
    assert secret_traces(page, secret) == []
    page.goto("/account")
    # The page was never stored, so Chromium asks before it sends the form again.
    ui.allow("failed request: POST .*: net::ERR_CACHE_MISS")
    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        page.go_back()
    page.wait_for_url("chrome-error://**")
    assert secret not in page.content()


@every_secret
def test_leaving_the_page_empties_the_field(ui: Ui, org: Organization, shown: Shown) -> None:
    page = ui.window(person(org.api, org.id, "admin"))
    secret = shown.show(page, org)
    assert secret_traces(page, secret) != []
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    assert secret_traces(page, secret) == []


@every_secret
def test_without_scripts_the_box_must_be_ticked(ui: Ui, org: Organization, shown: Shown) -> None:
    page = ui.window(person(org.api, org.id, "admin"), java_script=False)
    shown.show(page, org)
    page.get_by_role("button", name="Done").click()
    assert page.locator("#secret").is_visible()
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Done").click()
    page.wait_for_url(re.compile(shown.next_page))


def test_a_webhook_is_rotated_and_tested_in_dialogs(ui: Ui, org: Organization, look: Look) -> None:
    page = ui.open(f"/webhooks/{webhook(org)}", person(org.api, org.id, "admin"), look)
    page.get_by_role("link", name="Test", exact=True).click()
    tested = page.get_by_role("dialog", name="Test the webhook")
    tested.get_by_role("button", name="Send test message").click()
    expect(tested.get_by_role("button", name="Send again")).to_be_visible()
    tested.get_by_role("link", name="Back to the webhook").click()
    expect(tested).to_have_count(0)
    page.get_by_role("link", name="Rotate secret").click()
    page.get_by_role("dialog", name="Rotate the signing secret").get_by_role("button", name="Rotate secret").click()
    stored = page.get_by_role("dialog", name="Store this signing secret now")
    secret = stored.get_by_role("textbox", name="Signing secret").input_value()
    page.keyboard.press("Escape")
    expect(stored.get_by_text("If you lose the secret, rotate it.")).to_be_visible()
    stored.get_by_role("checkbox").check()
    stored.get_by_role("button", name="Done").click()
    expect(page.get_by_text("Version 2")).to_be_visible()
    assert secret_traces(page, secret) == []
