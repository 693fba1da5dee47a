"""Copying where the browser refuses the clipboard, as it does over plain HTTP to another host."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.app.organizations import Api, Organization
from tests.app.people import Person, person
from tests.ui.key_form import create, fill_in
from tests.ui.looks import Look
from tests.ui.ui import Ui

WITHOUT_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', {value: undefined})"
DENIED = """Object.defineProperty(navigator, 'clipboard', {value: {
    writeText: () => Promise.reject(new DOMException('Write permission denied.', 'NotAllowedError'))}})"""


@pytest.fixture
def owner(api: Api, org: Organization) -> Person:
    return person(api, org.id, "owner")


def window(ui: Ui, owner: Person, path: str, look: Look | None = None, *, script: str = WITHOUT_CLIPBOARD) -> Page:
    page = ui.window(owner, look) if look else ui.window(owner)
    page.add_init_script(script)
    page.goto(path)
    return page


def selected(page: Page) -> str:
    """Return the text that Ctrl+C would copy."""
    text: str = page.evaluate(
        """() => {
            const field = document.activeElement
            if (field instanceof HTMLInputElement) return field.value.slice(field.selectionStart, field.selectionEnd)
            return getSelection().toString()
        }"""
    )
    return text


def assert_says_so(button: Locator) -> None:
    label = button.locator("[data-copy-text]")
    expect(label).to_have_text("Press Ctrl+C")
    expect(label).to_have_attribute("aria-live", "polite")


def test_a_new_secret_is_selected_instead(ui: Ui, owner: Person, look: Look) -> None:
    page = window(ui, owner, "/keys/new", look)
    fill_in(page)
    secret = create(page)
    button = page.get_by_role("button", name="Copy").first
    button.click()
    assert_says_so(page.locator("[data-copy]").first)
    assert selected(page) == secret
    expect(page.get_by_label("API key")).to_be_focused()


@pytest.mark.parametrize("script", [WITHOUT_CLIPBOARD, DENIED], ids=["absent", "denied"])
def test_a_snippet_is_selected_instead(ui: Ui, org: Organization, owner: Person, script: str) -> None:
    page = window(ui, owner, f"/keys/{org.key().id}", script=script)
    block = page.locator(".code-block:visible").first
    block.get_by_role("button", name="Copy").click()
    assert_says_so(block.locator("[data-copy]"))
    assert selected(page).strip() == block.locator("pre").inner_text().strip()
    expect(block.locator("pre")).to_be_focused()


def test_an_id_that_is_not_shown_is_selected_too(ui: Ui, org: Organization, owner: Person) -> None:
    key = org.key()
    page = window(ui, owner, f"/keys/{key.id}")
    page.locator("summary[aria-label='More actions']").click()
    button = page.locator(".overflow [data-copy]")
    button.click()
    assert_says_so(button)
    assert selected(page) == key.id
