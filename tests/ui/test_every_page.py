"""Checks of every page in every state, from the list in tests/ui/pages.py."""

import pytest
from playwright.sync_api import Page

from app.routes import DASHBOARD, PAGES, ROUTES
from tests.ui.accessibility import assert_accessible
from tests.ui.layout import layout_shift, scrolls_sideways
from tests.ui.looks import FORCED_COLORS, PRINTED, THEMES_AND_WIDTHS, ZOOMED
from tests.ui.pages import SCREENS, WITHOUT_SCREEN, Screen
from tests.ui.site import Site
from tests.ui.ui import Ui

every_screen = pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)


def page_routes() -> set[str]:
    """Return the paths of all GET handlers that may return HTML."""
    pages = {path for handler in PAGES if "GET" in handler.http_methods for path in handler.paths}
    documented = {
        route.path
        for route in ROUTES
        if route.method == "GET" and any("html" in kind for kind in (route.media_type, *route.other_media_types))
    }
    return pages | documented | {page.path for page in DASHBOARD if page.method == "GET"}


def test_every_page_of_the_routes_is_listed() -> None:
    listed = {screen.route for screen in SCREENS} | WITHOUT_SCREEN.keys()
    assert page_routes() - listed == set(), "list them in tests/ui/pages.py"
    assert listed - page_routes() == set(), "no handler declares them any longer"


def test_the_names_of_screens_are_unique() -> None:
    assert len({screen.name for screen in SCREENS}) == len(SCREENS)


@every_screen
def test_a_page_is_accessible_in_each_theme_and_width(ui: Ui, site: Site, new_site: Site, screen: Screen) -> None:
    page = opened(ui, screen, site if screen.data == "some" else new_site)
    for look in THEMES_AND_WIDTHS:
        look.apply(page)
        assert_accessible(page, repeated=screen.repeated)


@every_screen
def test_a_page_fits_its_window_and_does_not_shift(ui: Ui, site: Site, new_site: Site, screen: Screen) -> None:
    page = opened(ui, screen, site if screen.data == "some" else new_site)
    assert layout_shift(page) == 0
    for look in (*THEMES_AND_WIDTHS, ZOOMED, FORCED_COLORS, PRINTED):
        look.apply(page)
        assert not scrolls_sideways(page), look.name
        assert page.get_by_role("heading", level=1).is_visible(), look.name


def opened(ui: Ui, screen: Screen, site: Site) -> Page:
    for line in screen.causes:
        ui.expect(line)
    page = ui.window(None if screen.role is None else site.person(screen.role))
    screen.open(page, site)
    return page
