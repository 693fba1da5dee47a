"""The keyboard: what Tab reaches, and in which order."""

from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect

from tests.ui.looks import LIGHT, LIGHT_NARROW, Look
from tests.ui.site import Site
from tests.ui.ui import Ui

Stop = tuple[str, bool, float, float, float, float]
"""An element that Tab reaches: its beginning, whether it is in the content, and its left, top, right and bottom."""

_STOP = """() => {
    const element = document.activeElement
    if (element === document.body) return null
    const label = element.getBoundingClientRect().width ? null : element.closest('label')
    const shown = label || element
    const {left, top, right, bottom} = shown.getBoundingClientRect()
    const name = element.outerHTML.slice(0, 90)
    return [name, Boolean(element.closest('main')), left + scrollX, top + scrollY, right + scrollX, bottom + scrollY]
}"""
_STOPS_MAX = 300


def stops(page: Page) -> list[Stop]:
    """Return the elements that Tab reaches, one after the other, until it leaves the page."""
    found: list[Stop] = []
    while len(found) < _STOPS_MAX:
        page.keyboard.press("Tab")
        stop = page.evaluate(_STOP)
        if stop is None or (found and stop[0] == found[0][0]):
            return found
        found.append(tuple(stop))
    raise AssertionError("Tab does not leave the page")


def out_of_order(found: list[Stop]) -> list[str]:
    """Return the steps that lead back: above the last element, or to its left in the same line."""
    wrong: list[str] = []
    for before, after in pairwise(found):
        if before[1] != after[1]:
            continue
        is_above = after[5] <= before[3] + 1
        is_same_line = after[3] < before[5] - 1 and before[3] < after[5] - 1
        if is_above or (is_same_line and after[4] <= before[2] + 1):
            wrong.append(f"{before[0]} {before[2:]} -> {after[0]} {after[2:]}")
    return wrong


@pytest.mark.parametrize("path", ["/", "/keys", "/account"])
def test_the_first_stop_is_the_link_to_the_content(ui: Ui, site: Site, look: Look, path: str) -> None:
    page = ui.open(path, site.person("owner"), look)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


@pytest.mark.parametrize("path", ["/keys", "/keys/new"])
@pytest.mark.parametrize("look", [LIGHT, LIGHT_NARROW], ids=lambda look: look.name)
def test_the_order_of_stops_is_the_order_of_reading(ui: Ui, site: Site, path: str, look: Look) -> None:
    page = ui.open(path, site.person("owner"), look)
    assert page.locator("[tabindex]:not([tabindex='0'], [tabindex='-1'])").count() == 0
    found = stops(page)
    assert len(found) > 12
    assert out_of_order(found) == []


def test_a_step_back_is_detected() -> None:
    first: Stop = ("first", True, 0, 0, 10, 10)
    right: Stop = ("right", True, 20, 0, 30, 10)
    below: Stop = ("below", True, 0, 20, 10, 30)
    assert out_of_order([first, right, below]) == []
    assert len(out_of_order([right, first, below])) == 1
    assert len(out_of_order([below, first, right])) == 1


def test_escape_closes_the_menu_of_a_key_and_the_focus_returns_to_its_button(ui: Ui, site: Site, look: Look) -> None:
    page = ui.open("/keys?q=prod-server", site.person("owner"), look)
    page.get_by_role("link", name="prod-server", exact=True).click()
    menu = page.locator("summary[aria-label='More actions']")
    menu.focus()
    page.keyboard.press("Enter")
    first = page.locator(".overflow-list a").first
    expect(first).to_be_visible()
    page.keyboard.press("Tab")
    expect(first).to_be_focused()
    page.keyboard.press("Escape")
    expect(first).to_be_hidden()
    expect(menu).to_be_focused()


def test_a_click_elsewhere_closes_the_menu(ui: Ui, site: Site) -> None:
    page = ui.open("/keys?q=prod-server", site.person("owner"))
    page.get_by_role("link", name="prod-server", exact=True).click()
    page.locator("summary[aria-label='More actions']").click()
    expect(page.locator(".overflow-list")).to_be_visible()
    page.get_by_role("heading", level=1).click()
    expect(page.locator(".overflow-list")).to_be_hidden()
