"""Journeys: actions open as dialogs over the page on which the user chose them."""

from typing import Literal

import pytest
from playwright.sync_api import Page, Route, expect

from tests.app.organizations import Api, Organization
from tests.app.people import Person, person
from tests.ui.accessibility import assert_accessible
from tests.ui.looks import DARK_NARROW, LIGHT, Look
from tests.ui.ui import Ui


@pytest.fixture
def owner(api: Api, org: Organization) -> Person:
    return person(api, org.id, "owner")


def more_actions(page: Page) -> None:
    page.locator("summary[aria-label='More actions']").click()


def held(page: Page, addresses: str) -> list[Route]:
    """Hold the requests to these addresses. Return them, in a list that grows."""
    waiting: list[Route] = []

    def hold(route: Route) -> None:
        waiting.append(route)

    page.route(addresses, hold)
    return waiting


def test_an_action_opens_as_a_dialog_that_its_heading_names(
    ui: Ui, org: Organization, owner: Person, look: Look
) -> None:
    page = ui.open(f"/keys/{org.key(name='prod').id}", owner, look)
    address = page.url
    page.get_by_role("link", name="Revoke").click()
    opened = page.get_by_role("dialog", name="Revoke “prod”?")
    expect(opened.get_by_role("heading", level=2, name="Revoke “prod”?")).to_be_visible()
    assert page.url == address
    assert_accessible(page)


def test_the_focus_in_a_dialog_scrolls_past_no_text(ui: Ui, org: Organization, owner: Person) -> None:
    """On a large window, the button "Cancel" has the focus. Where it is below the window, the heading has it."""
    path = f"/keys/{org.key(name='prod').id}"
    places: tuple[tuple[Look, Literal["link", "heading"], str], ...] = (
        (LIGHT, "link", "Cancel"),
        (DARK_NARROW, "heading", "Revoke “prod”?"),
    )
    for look, role, name in places:
        page = ui.open(path, owner, look)
        page.get_by_role("link", name="Revoke").click()
        opened = page.get_by_role("dialog")
        expect(opened.get_by_role(role, name=name)).to_be_focused()
        assert opened.evaluate("(dialog) => dialog.scrollTop") == 0


@pytest.mark.parametrize("leave", ["Escape", "Cancel"])
def test_a_dialog_closes_and_the_focus_returns_to_its_opener(
    ui: Ui, org: Organization, owner: Person, leave: str
) -> None:
    key = org.key(name="prod")
    page = ui.open(f"/keys/{key.id}", owner)
    page.get_by_role("link", name="Revoke").click()
    opened = page.get_by_role("dialog")
    expect(opened).to_be_visible()
    if leave == "Escape":
        page.keyboard.press("Escape")
    else:
        opened.get_by_role("link", name="Cancel").click()
    expect(opened).to_have_count(0)
    expect(page.get_by_role("link", name="Revoke")).to_be_focused()
    assert org.verify(key.secret)["valid"] is True


def test_after_an_action_of_a_menu_the_focus_returns_to_the_menu(ui: Ui, org: Organization, owner: Person) -> None:
    page = ui.open(f"/keys/{org.key().id}", owner)
    more_actions(page)
    page.get_by_role("link", name="Disable").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("summary[aria-label='More actions']")).to_be_focused()
    expect(page.get_by_role("link", name="Disable")).to_be_hidden()


def test_the_first_field_has_the_focus_unless_the_action_destroys_something(
    ui: Ui, org: Organization, owner: Person
) -> None:
    page = ui.open(f"/keys/{org.key().id}", owner)
    page.get_by_role("link", name="Rotate").click()
    expect(page.get_by_role("dialog").get_by_label("24 hours")).to_be_focused()


def test_a_refused_form_stays_in_the_dialog_with_what_was_typed(
    ui: Ui, org: Organization, owner: Person, look: Look
) -> None:
    ui.expect("response 422: POST /keys/key_")
    key = org.key(name="prod")
    org.verify(key.secret)
    page = ui.open(f"/keys/{key.id}", owner, look)
    page.get_by_role("link", name="Revoke").click()
    opened = page.get_by_role("dialog")
    opened.get_by_label("Note").fill("Found in a log")
    opened.get_by_label("Compromised").check()
    opened.get_by_label("Type the key's name to confirm").fill("production")
    opened.get_by_role("button", name="Revoke key").click()
    expect(opened.get_by_role("alert")).to_be_focused()
    expect(opened.get_by_label("Note")).to_have_value("Found in a log")
    assert_accessible(page)
    opened.get_by_label("Type the key's name to confirm").fill("prod")
    opened.get_by_role("button", name="Revoke key").click()
    expect(page.get_by_text("is revoked. It has been refused everywhere since ")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_stale_form_says_so_in_the_dialog(ui: Ui, org: Organization, owner: Person) -> None:
    ui.expect("response 412: POST /mcps/mcp_")
    mcp = org.mcp(name="Jira")
    page = ui.open(f"/mcps/{mcp}", owner)
    page.get_by_role("link", name="Deactivate").click()
    opened = page.get_by_role("dialog", name="Deactivate “Jira”?")
    expect(opened).to_be_visible()
    org.client.patch(f"/v1/mcps/{mcp}", {"description": "Theirs"})
    opened.get_by_role("button", name="Deactivate server").click()
    expect(opened.get_by_role("alert")).to_contain_text("changed this")
    opened.get_by_role("button", name="Deactivate server").click()
    expect(page.get_by_text("The server is inactive. Every call to it is refused.")).to_be_visible()


def test_the_new_secret_of_a_rotated_key_is_shown_once_over_its_page(
    ui: Ui, org: Organization, owner: Person, look: Look
) -> None:
    key = org.key(name="prod")
    page = ui.open(f"/keys/{key.id}", owner, look)
    page.get_by_role("link", name="Rotate").click()
    page.get_by_role("dialog").get_by_role("button", name="Rotate key").click()
    shown = page.get_by_role("dialog", name="Store this key now")
    expect(shown.get_by_role("heading", level=1)).to_be_focused()
    secret = shown.get_by_label("API key").input_value()
    assert org.verify(secret)["valid"] is True
    page.keyboard.press("Escape")
    expect(shown.get_by_text("Tick “I've stored it” first.")).to_be_visible()
    page.reload()
    assert secret not in page.content()


@pytest.mark.parametrize(
    ("address", "link", "title"),
    [
        ("/mcps/{mcp}", "Delete", "Delete “Jira”?"),
        ("/webhooks/{webhook}", "Disable", "Disable"),
        ("/webhooks/{webhook}", "Delete", "Delete"),
        ("/members", "Remove", "Remove"),
        ("/settings", "Delete organization", "Delete"),
    ],
)
def test_every_action_that_ends_something_asks_in_a_dialog(
    ui: Ui, api: Api, org: Organization, owner: Person, address: str, link: str, title: str
) -> None:
    person(api, org.id, "viewer")
    hook = {"url": "https://hooks.example.com/keyledger", "events": ["api_key.created"]}
    webhook = owner.client.post("/v1/webhooks", hook).data["id"]
    page = ui.open(address.format(mcp=org.mcp(name="Jira"), webhook=webhook), owner)
    page.get_by_role("link", name=link).first.click()
    opened = page.get_by_role("dialog", name=title)
    expect(opened.get_by_role("link", name="Cancel")).to_be_focused()
    assert_accessible(page)


def test_a_dialog_is_busy_while_its_page_loads(ui: Ui, org: Organization, owner: Person) -> None:
    key = org.key()
    page = ui.open(f"/keys/{key.id}", owner)
    waiting = held(page, "**/rotate")
    page.get_by_role("link", name="Rotate").click()
    opened = page.get_by_role("dialog")
    expect(opened).to_have_attribute("aria-busy", "true")
    expect(opened).to_be_empty()
    waiting.pop().continue_()
    expect(opened).to_have_attribute("aria-busy", "false")
    opened.get_by_role("button", name="Rotate key").click()
    expect(opened).to_have_attribute("aria-busy", "true")
    waiting.pop().continue_()
    expect(page.get_by_role("dialog", name="Store this key now")).to_be_visible()


def test_a_dialog_that_was_closed_while_its_page_loaded_stays_closed(ui: Ui, org: Organization, owner: Person) -> None:
    page = ui.open(f"/keys/{org.key().id}", owner)
    waiting = held(page, "**/rotate")
    page.get_by_role("link", name="Rotate").click()
    expect(page.get_by_role("dialog")).to_have_attribute("aria-busy", "true")
    page.keyboard.press("Escape")
    with page.expect_response("**/rotate"):
        waiting.pop().continue_()
    page.wait_for_load_state("networkidle")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("link", name="Rotate")).to_be_focused()


def test_an_action_that_the_server_refuses_opens_its_page(ui: Ui, org: Organization, owner: Person) -> None:
    ui.expect("response 404: GET /mcps/mcp_")
    mcp = org.mcp(name="Jira")
    page = ui.open(f"/mcps/{mcp}", owner)
    org.client.delete(f"/v1/mcps/{mcp}")
    page.get_by_role("link", name="Deactivate").click()
    expect(page.get_by_role("heading", level=1, name="Not found")).to_be_visible()


def test_a_form_is_kept_while_the_server_is_away(ui: Ui, org: Organization, owner: Person) -> None:
    ui.expect("failed request: POST /keys/key_.*/disable: net::ERR_CONNECTION_RESET")
    ui.expect("console error: Failed to load resource: net::ERR_CONNECTION_RESET")
    key = org.key()
    page = ui.open(f"/keys/{key.id}", owner)
    more_actions(page)
    page.get_by_role("link", name="Disable").click()
    opened = page.get_by_role("dialog")
    page.route("**/disable", lambda route: route.abort("connectionreset"))
    opened.get_by_role("button", name="Disable key").click()
    expect(opened.get_by_role("alert")).to_have_text("The server can't be reached. Try again.")
    page.unroute("**/disable")
    opened.get_by_role("button", name="Disable key").click()
    expect(page.get_by_text("This key is disabled.")).to_be_visible()


def test_an_ended_session_is_reported_once_with_the_way_back(ui: Ui, org: Organization, owner: Person) -> None:
    ui.expect("response 401: GET /keys/key_")
    key = org.key()
    page = ui.open(f"/keys/{key.id}", owner)
    owner.client.delete("/v1/session")
    for _ in range(2):
        page.get_by_role("link", name="Revoke").click()
        page.wait_for_load_state("networkidle")
    message = page.get_by_role("alert").filter(has_text="Your session has ended.")
    expect(message).to_have_count(1)
    message.get_by_role("link", name="Sign in").click()
    expect(page).to_have_url(f"{page.url.partition('/sign-in')[0]}/sign-in?next=%2Fkeys%2F{key.id}")
