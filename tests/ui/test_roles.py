"""Journeys of each role: the pages that the menu leads to, and what the others say.

`tests/app/pages/test_access.py` requests every page as every role, without a browser.
"""

import re

import pytest
from playwright.sync_api import Page, expect

from app.pages.frame.navigation import ENTRIES
from domain.grants import GRANTS
from domain.members.events import Role
from domain.members.roles import ROLES, grants_of, owns
from tests.app.pages.test_access import GET_PAGES, admits
from tests.ui.accessibility import assert_accessible
from tests.ui.looks import DARK_NARROW, Look
from tests.ui.menu import open_menu
from tests.ui.site import Site
from tests.ui.ui import Ui

CLOSED = ("/keys", "/keys/new", "/activity", "/audit", "/members", "/webhooks", "/settings/edit", "/settings/plan")
"""Pages that not every role may open."""


def sections_of(role: Role) -> dict[str, str]:
    """Return the addresses in the menu of this role, by their titles."""
    allowed = [each for each in ENTRIES if each.access not in GRANTS or each.access in grants_of(role)]
    return {each.title: each.path for each in allowed}


def entries(page: Page) -> list[str]:
    """Open the menu, and return its addresses without those of the person's own account."""
    open_menu(page)
    links = page.get_by_role("navigation", name="Main").locator("> ul a")
    return [str(link.get_attribute("href")) for link in links.all()]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_reaches_each_of_its_pages_from_the_menu(ui: Ui, site: Site, look: Look, role: Role) -> None:
    page = ui.open("/account", site.person(role), look)
    sections = sections_of(role)
    for title, path in sections.items():
        assert entries(page) == list(sections.values())
        menu = page.get_by_role("navigation", name="Main")
        menu.get_by_role("link", name=re.compile(rf"^{title}( \d+ open)?$")).click()
        expect(page).to_have_url(re.compile(rf"//[^/]+{path}$"))
        expect(page.get_by_role("heading", level=1, name=title, exact=True)).to_be_visible()


@pytest.mark.parametrize("role", [role for role in ROLES if not owns(role)])
def test_a_role_is_told_which_pages_are_not_its_own_and_who_can_change_that(ui: Ui, site: Site, role: Role) -> None:
    page = ui.window(site.person(role), DARK_NARROW)
    refused = [each for each in GET_PAGES if each.path in CLOSED and not admits(each, role)]
    assert refused
    for each in refused:
        ui.expect(f"response 403: GET {each.path}$")
        page.goto(each.path)
        expect(page.get_by_text(re.compile(r"^You're an? \w+, so you can't "))).to_be_visible()
        expect(page.get_by_text(re.compile(r"\(owner\) can"))).to_be_visible()
    assert entries(page) == list(sections_of(role).values()), "the way on"
    assert_accessible(page)
