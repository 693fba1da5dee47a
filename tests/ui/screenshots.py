"""Pictures of every page, for the documentation: `python -m tests.ui.screenshots docs/screenshots`.

Each page in `tests/ui/pages.py` is photographed in each look below, and so are the pages of the demo data in
`tests/ui/month.py`, which look the same in every run. The script of a page sees a clock that stands still.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

from playwright.sync_api import Page

from infrastructure.clock import now
from tests import random_input
from tests.ui.chromium import HOW_TO_GET_IT, Chromium, find_chromium
from tests.ui.data import some_data
from tests.ui.looks import DARK, LIGHT, LIGHT_NARROW, Look
from tests.ui.month import MONTH_SCREENS, README_SCREENS, SHOWN_AT, month_of_demo_data
from tests.ui.pages import SCREENS, Data, Screen
from tests.ui.service import running_service
from tests.ui.site import Site
from tests.ui.ui import Ui

LOOKS = (LIGHT, DARK, LIGHT_NARROW)
README_LOOKS = (LIGHT, DARK)
"""README.md shows only what fits the window, in the theme of the reader."""

_HEIGHT_MAX = 4_000
"""Pixels. Longer pages, such as the API reference, are cut off."""

_SEED = "screenshots"


def file_name(screen: Screen, look: Look) -> str:
    return f"{screen.name}.{look.name}.png"


def write_screenshots(
    ui: Ui,
    sites: Mapping[Data, Site],
    folder: Path,
    screens: Iterable[Screen] = SCREENS,
    at: datetime | None = None,
) -> None:
    """Write a picture of each of these screens in each look into `folder`.

    `at`: the instant that the scripts of the pages take for the present, by default this one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    at = at or now()
    for screen in screens:
        page = _opened(ui, sites[screen.data], screen, at)
        for look in LOOKS:
            look.apply(page)
            _write(page, look, folder / file_name(screen, look))
        ui.close()


def _opened(ui: Ui, site: Site, screen: Screen, at: datetime) -> Page:
    page = ui.window(None if screen.role is None else site.person(screen.role))
    page.clock.set_fixed_time(at)
    for pattern in screen.causes:
        ui.expect(pattern)
    screen.open(page, site)
    return page


def _write(page: Page, look: Look, path: Path) -> None:
    height = min(_HEIGHT_MAX, max(look.height, int(page.evaluate("document.documentElement.scrollHeight"))))
    # As high as the page, so that the sidebar reaches its end.
    page.set_viewport_size({"width": look.width, "height": height})
    page.screenshot(path=path, animations="disabled", scale="css")


def main(folder: Path) -> int:
    """Start a service for each kind of data, and write all screenshots into `folder`.

    The exit code is 1 if there is no browser, or if a page did what no page may do.
    """
    path = find_chromium()
    if path is None:
        sys.stderr.write(f"{HOW_TO_GET_IT}\n")
        return 1
    random_input.begin(_SEED, "")
    with closing(Chromium(path)) as chromium:
        problems = [*_states(chromium, folder), *_month(chromium, folder)]
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    sys.stdout.write(f"{len(list(folder.glob('*.png')))} pictures in {folder}\n")
    return 1 if problems else 0


def _states(chromium: Chromium, folder: Path) -> Sequence[str]:
    """Write every page in every state, and return what the pages did that no page may do."""
    with running_service() as api, chromium.driven() as browser:
        sites: dict[Data, Site] = {
            "some": Site(api, some_data(api)),
            "none": Site(api, api.database.organization("team")),
        }
        ui = Ui(browser, api.url)
        write_screenshots(ui, sites, folder)
        return ui.problems()


def _month(chromium: Chromium, folder: Path) -> Sequence[str]:
    """Write the pages of the demo data, which are the same in every run, and return likewise."""
    with month_of_demo_data() as site, chromium.driven() as browser:
        ui = Ui(browser, site.api.url)
        write_screenshots(ui, {"some": site}, folder, MONTH_SCREENS, SHOWN_AT)
        for screen in README_SCREENS:
            page = _opened(ui, site, screen, SHOWN_AT)
            for look in README_LOOKS:
                look.apply(page)
                page.screenshot(path=folder / file_name(screen, look), animations="disabled", scale="css")
            ui.close()
        return ui.problems()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
