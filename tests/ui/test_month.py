"""The pages of the demo data."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.ui.chromium import Chromium
from tests.ui.layout import scrolls_sideways
from tests.ui.looks import DARK_NARROW, LIGHT
from tests.ui.month import MONTH_SCREENS, month_of_demo_data
from tests.ui.pages import Screen
from tests.ui.site import Site
from tests.ui.ui import Ui

_FEW_USES = 2_000


@pytest.fixture(scope="module")
def month() -> Iterator[Site]:
    with month_of_demo_data(uses=_FEW_USES) as site:
        yield site


@pytest.mark.parametrize("screen", MONTH_SCREENS, ids=lambda screen: screen.name)
def test_a_page_of_the_demo_data_opens_and_fits(chromium: Chromium, month: Site, screen: Screen) -> None:
    with chromium.driven() as browser:
        ui = Ui(browser, month.api.url)
        page = ui.window(month.person("owner"))
        screen.open(page, month)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        for look in (LIGHT, DARK_NARROW):
            look.apply(page)
            assert not scrolls_sideways(page), look.name
        ui.close()
    assert ui.problems() == []
