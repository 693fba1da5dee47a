"""Pictures of every page, for the documentation: `python -m tests.ui.screenshots docs/screenshots`.

Each page in `tests/ui/pages.py` is photographed in each look below. The script of a page sees a clock that stands
still at the moment at which the data was made, so relative times are the same in every run. Dates are those of the run.
"""

import asyncio
import sys
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
from playwright.sync_api import Page

from embedded.postgres import PostgreSQL
from embedded.valkey import Valkey
from infrastructure.clock import now
from tests import random_input
from tests.app.organizations import Api, Database
from tests.app.serving import Server
from tests.logins import migrate_with_runtime_login
from tests.ui.chromium import HOW_TO_GET_IT, Chromium, find_chromium
from tests.ui.data import some_data
from tests.ui.looks import DARK, LIGHT, LIGHT_NARROW, Look
from tests.ui.pages import SCREENS, Data, Screen
from tests.ui.site import Site
from tests.ui.ui import Ui

LOOKS = (LIGHT, DARK, LIGHT_NARROW)

Fill = Callable[[Api], str]
"""Creates an organization with data and returns its id."""

_HEIGHT_MAX = 4_000
"""Pixels. Longer pages, such as the API reference, are cut off."""

_SEED = "screenshots"


def file_name(screen: Screen, look: Look) -> str:
    return f"{screen.name}.{look.name}.png"


def write_screenshots(ui: Ui, sites: Mapping[Data, Site], folder: Path, screens: Iterable[Screen] = SCREENS) -> None:
    """Write a picture of each of these screens in each look into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    at = now()
    for screen in screens:
        site = sites[screen.data]
        page = ui.window(None if screen.role is None else site.person(screen.role))
        page.clock.set_fixed_time(at)
        for pattern in screen.causes:
            ui.expect(pattern)
        screen.open(page, site)
        for look in LOOKS:
            look.apply(page)
            _write(page, look, folder / file_name(screen, look))
        ui.close()


def _write(page: Page, look: Look, path: Path) -> None:
    height = min(_HEIGHT_MAX, max(look.height, int(page.evaluate("document.documentElement.scrollHeight"))))
    page.screenshot(
        path=path,
        full_page=True,
        clip={"x": 0, "y": 0, "width": look.width, "height": height},
        animations="disabled",
        scale="css",
    )


def main(folder: Path, fill: Fill = some_data) -> int:
    """Start a service with the data of `fill`, and write all screenshots into `folder`.

    The exit code is 1 if there is no browser, or if a page did what no page may do.
    """
    path = find_chromium()
    if path is None:
        sys.stderr.write(f"{HOW_TO_GET_IT}\n")
        return 1
    random_input.begin(_SEED, "")
    with _running_service() as api, closing(Chromium(path)) as chromium:
        sites: dict[Data, Site] = {
            "some": Site(api, fill(api)),
            "none": Site(api, api.database.organization("team")),
        }
        with chromium.driven() as browser:
            ui = Ui(browser, api.url)
            write_screenshots(ui, sites, folder)
    problems = ui.problems()
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    sys.stdout.write(f"{len(SCREENS) * len(LOOKS)} pictures in {folder}\n")
    return 1 if problems else 0


@contextmanager
def _running_service() -> Generator[Api]:
    with (
        TemporaryDirectory() as name,
        PostgreSQL(Path(name, "postgres"), durable=False) as postgres,
        Valkey(Path(name, "valkey")) as valkey,
    ):
        asyncio.run(migrate_with_runtime_login(postgres.url))
        server = Server(postgres.url, valkey.url, Path(name, "api.log"))
        try:
            server.start()
            with closing(Database(postgres.url)) as database, httpx2.Client(base_url=server.url) as http:
                yield Api(server, database, http)
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
