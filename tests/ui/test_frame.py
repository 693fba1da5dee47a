"""Journeys with what surrounds every page: shortcuts, messages, and swaps after the session ended."""

import pytest
from playwright.sync_api import Page, expect

from tests.app.organizations import Api, Organization
from tests.app.people import Person, person
from tests.ui.accessibility import assert_accessible
from tests.ui.looks import DARK, FORCED_COLORS, LIGHT, Look
from tests.ui.observer import REPLACED_REQUEST
from tests.ui.ui import Ui

HTMX_REFUSED = "console error: Response Status Error Code 401"


@pytest.fixture
def owner(api: Api, org: Organization) -> Person:
    return person(api, org.id, "owner")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


@pytest.mark.parametrize(
    ("keys", "heading"), [(["c"], "Create API Key"), (["g", "k"], "API Keys"), (["g", "a"], "Activity")]
)
def test_shortcuts_open_pages(ui: Ui, owner: Person, keys: list[str], heading: str) -> None:
    page = ui.open("/settings", owner)
    press(page, *keys)
    expect(page.get_by_role("heading", level=1, name=heading)).to_be_visible()


def test_a_slash_moves_to_the_search(ui: Ui, org: Organization, owner: Person) -> None:
    ui.allow(REPLACED_REQUEST)
    org.key()
    page = ui.open("/keys", owner)
    press(page, "/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    press(page, "c", "?", "/")
    expect(page.get_by_role("searchbox")).to_have_value("c?/")


def test_a_question_mark_lists_the_shortcuts(ui: Ui, owner: Person, look: Look) -> None:
    page = ui.open("/settings", owner, look)
    press(page, "?")
    listed = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(listed.get_by_role("link", name="Create API Key")).to_be_visible()
    assert_accessible(page)
    press(page, "g", "k")
    expect(page.get_by_role("heading", level=1, name="Settings")).to_have_count(1)
    listed.get_by_role("button", name="Close").click()
    expect(listed).to_be_hidden()


def test_shortcuts_are_only_those_of_the_page(ui: Ui, owner: Person) -> None:
    for path, listed in (("/keys", (True, False)), ("/activity", (False, True)), ("/settings", (False, False))):
        page = ui.open(path, owner)
        press(page, "?")
        dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
        expect(dialog).to_be_visible()
        texts = ("Search the list", "Pause and resume live activity")
        assert tuple(dialog.get_by_text(text).is_visible() for text in texts) == listed


def test_shortcuts_are_only_those_of_the_role(ui: Ui, api: Api, org: Organization, owner: Person) -> None:
    page = ui.open("/settings", person(api, org.id, "viewer"))
    press(page, "?")
    expect(page.get_by_role("dialog").get_by_role("link", name="Create API Key")).to_have_count(0)
    press(page, "Escape", "c")
    expect(page.get_by_role("heading", level=1, name="Settings")).to_be_visible()


def test_shortcuts_with_a_modifier_belong_to_the_browser(ui: Ui, owner: Person) -> None:
    page = ui.open("/settings", owner)
    press(page, "Control+/", "Alt+c")
    expect(page.get_by_role("heading", level=1, name="Settings")).to_be_visible()


def test_shortcuts_can_be_switched_off(ui: Ui, owner: Person) -> None:
    page = ui.open("/account", owner)
    page.get_by_role("group", name="Shortcuts in this browser").get_by_label("Off").check()
    page.get_by_role("button", name="Save shortcuts").click()
    expect(page.get_by_label("Off")).to_be_checked()
    press(page, "?", "c")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("heading", level=1, name="Account")).to_be_visible()


def test_a_filter_after_the_session_ended_keeps_the_page_and_reports_it_once(
    ui: Ui, org: Organization, owner: Person, look: Look
) -> None:
    ui.expect("response 401: GET /keys")
    ui.expect(HTMX_REFUSED)
    ui.allow(REPLACED_REQUEST)
    org.key(name="prod")
    page = ui.open("/keys", owner, look)
    owner.client.delete("/v1/session")
    for text in ("pr", "ci"):
        page.get_by_role("searchbox").fill(text)
        page.get_by_role("searchbox").press("Enter")
        page.wait_for_load_state("networkidle")
    expect(page.get_by_text("Your session has ended.")).to_have_count(1)
    expect(page.get_by_role("link", name="prod")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("link", name="Sign in").click()
    expect(page).to_have_url(f"{page.url.partition('/sign-in')[0]}/sign-in?next=%2Fkeys")


def test_a_message_about_the_last_action_stays_until_it_is_closed(ui: Ui, org: Organization, owner: Person) -> None:
    page = ui.open("/account", owner)
    page.clock.install()
    page.get_by_role("button", name="Save mail preferences").click()
    message = page.get_by_text("Your mail preferences are saved.")
    expect(message).to_be_visible()
    page.clock.run_for(600_000)
    expect(message).to_be_visible()
    page.get_by_role("link", name="Close this message").click()
    expect(message).to_be_hidden()


def test_times_are_refreshed_every_minute(ui: Ui, owner: Person) -> None:
    page = ui.window(owner)
    page.clock.install()
    page.goto("/account")
    seen = page.locator("time[data-relative]").first
    expect(seen).to_have_text("just now")
    assert "UTC" in (seen.get_attribute("title") or "")
    page.clock.run_for(125_000)
    expect(seen).to_have_text("2 min ago")


@pytest.mark.parametrize("look", [LIGHT, DARK, FORCED_COLORS], ids=lambda look: look.name)
def test_the_focus_has_an_outline_of_three_pixels_in_every_theme(ui: Ui, owner: Person, look: Look) -> None:
    page = ui.open("/keys", owner, look)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    focused = page.locator(":focus")
    for name, value in (("outline-style", "solid"), ("outline-width", "3px"), ("outline-offset", "2px")):
        expect(focused).to_have_css(name, value)


def test_forced_colours_keep_the_borders_of_badges_and_meters(ui: Ui) -> None:
    page = ui.open("/static/specimen", look=FORCED_COLORS)
    borders = page.evaluate(
        """() => [...document.querySelectorAll('.badge, .chip, .notice, meter')].map(element => {
            const style = getComputedStyle(element)
            return `${style.borderTopStyle} ${style.borderTopWidth} ${style.borderTopColor}` })"""
    )
    assert len(borders) > 20
    assert {border[:10] for border in borders} == {"solid 1px "}
    assert not [border for border in borders if border.endswith("rgba(0, 0, 0, 0)")], "none is transparent"


def test_a_page_in_the_dark_theme_is_printed_dark_on_white(ui: Ui, owner: Person) -> None:
    page = ui.open("/account", owner)
    page.get_by_label("Dark").check()
    page.get_by_role("button", name="Save theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    text_color = "getComputedStyle(document.querySelector('h1')).color"
    on_screen = page.evaluate(text_color)
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    assert page.evaluate(text_color) != on_screen


def test_scripts_keep_no_pages_and_evaluate_no_text(ui: Ui, org: Organization, owner: Person) -> None:
    """The defaults of htmx would store the pages of a session in the browser, and evaluate attributes."""
    org.key()
    page = ui.open("/keys", owner)
    config = page.evaluate("({...htmx.config})")
    settings = ("historyCacheSize", "allowEval", "allowScriptTags", "selfRequestsOnly", "refreshOnHistoryMiss")
    assert [config[name] for name in settings] == [0, False, False, True, True]
    with page.expect_response(lambda response: "status=active" in response.url):
        page.get_by_label("Status").select_option("active")
    expect(page.get_by_role("link", name="Clear all")).to_be_visible()
    stored = page.evaluate("[...Object.keys(localStorage), ...Object.keys(sessionStorage)]")
    assert set(stored) <= {"htmx-current-path-for-history"}, "an address, and no page"
