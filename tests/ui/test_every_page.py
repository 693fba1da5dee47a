"""Checks of every page in every state, from the list in tests/ui/pages.py."""

import pytest

from app.routes import DASHBOARD, PAGES, ROUTES
from tests.ui.accessibility import assert_accessible
from tests.ui.layout import cut_tables, layout_shifts, low_targets, scrolls_sideways
from tests.ui.looks import FORCED_COLORS, LIGHT, LIGHT_NARROW, PRINTED, THEMES_AND_WIDTHS, ZOOMED
from tests.ui.pages import SCREENS, WITHOUT_SCREEN, Screen
from tests.ui.site import Site
from tests.ui.text import cut_off, raw_ids, widen_spacing
from tests.ui.ui import Ui

IDS_ARE_THE_CONTENT = "pre, dl.details code, .reference code"
"""Examples, and the ids in a list of details, which stand next to the name."""


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


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)
def test_a_page_is_accessible_fits_its_window_and_shows_names(
    ui: Ui, site: Site, new_site: Site, screen: Screen
) -> None:
    for line in screen.causes:
        ui.expect(line)
    shown = site if screen.data == "some" else new_site
    page = ui.window(None if screen.role is None else shown.person(screen.role))
    screen.open(page, shown)
    assert layout_shifts(page) == []
    assert raw_ids(page, IDS_ARE_THE_CONTENT) == [], "show the name instead"
    for look in (*THEMES_AND_WIDTHS, ZOOMED, FORCED_COLORS, PRINTED):
        look.apply(page)
        assert not scrolls_sideways(page), look.name
        assert page.get_by_role("heading", level=1).is_visible(), look.name
        if look == LIGHT:
            assert cut_tables(page) == [], "on a wide screen, the header of a table stays in the window"
        if look == LIGHT_NARROW:
            assert low_targets(page) == []
        if look in THEMES_AND_WIDTHS:
            assert_accessible(page, repeated=screen.repeated)
    widen_spacing(page)
    for look in (LIGHT, LIGHT_NARROW):
        look.apply(page)
        assert not scrolls_sideways(page), f"{look.name} with wide spacing"
        assert cut_off(page) == [], f"{look.name} with wide spacing"
