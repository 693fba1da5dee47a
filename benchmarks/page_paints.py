"""When Chromium has painted the largest part of a page, and how much of the page moves while it loads.

Each page is opened in a new window, so that every file is loaded again. The browser shares the machine with the
servers.
"""

from collections.abc import Sequence
from contextlib import closing
from statistics import median
from typing import NamedTuple
from urllib.parse import urlsplit

from playwright.sync_api import Browser

from benchmarks.page_addresses import Address
from benchmarks.targets import Target
from tests.app.people import COOKIE
from tests.ui.layout import layout_shifts

PAINT_MS_MAX = 500.0
_WIDTH, _HEIGHT = 1280, 800

_LARGEST = """() => new Promise(resolve => {
    let painted
    const observer = new PerformanceObserver(list => {
        painted = list.getEntries().at(-1).startTime
        requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => resolve(painted))))
    })
    observer.observe({type: 'largest-contentful-paint', buffered: true})
})"""


class Painted(NamedTuple):
    """A page: milliseconds until its largest part was painted, in each round, and the shifts of its layout."""

    name: str
    largest_ms: Sequence[float]
    shifts: Sequence[str]


def measure_paints(browser: Browser, url: str, cookie: str, addresses: Sequence[Address], rounds: int) -> list[Painted]:
    """Open each page in `rounds` new windows, after one that is not counted."""
    return [_measure(browser, url, cookie, each, rounds) for each in addresses if each.kind == "page"]


def paint_targets(painted: Sequence[Painted]) -> list[Target]:
    """Return the budgets of the slowest page and of all shifts together."""
    slowest = max(painted, key=lambda each: median(each.largest_ms))
    moved = sum(len(each.shifts) for each in painted)
    return [
        Target(f"largest paint of '{slowest.name}'", median(slowest.largest_ms), PAINT_MS_MAX, " ms", at_least=False),
        Target("shifts of the layout of all pages", moved, 0, at_least=False),
    ]


def _measure(browser: Browser, url: str, cookie: str, address: Address, rounds: int) -> Painted:
    times: list[float] = []
    shifts: list[str] = []
    for turn in range(rounds + 1):
        context = browser.new_context(base_url=url, viewport={"width": _WIDTH, "height": _HEIGHT})
        with closing(context):
            context.add_cookies([{"name": COOKIE, "value": cookie, "url": url}])
            page = context.new_page()
            path = address.paths[turn % len(address.paths)]
            answer = page.goto(path)
            if answer is None or urlsplit(page.url).path != urlsplit(path).path:
                raise RuntimeError(f"{path} led to {page.url}")
            if turn:
                times.append(page.evaluate(_LARGEST))
            shifts += layout_shifts(page)
    return Painted(address.name, times, shifts)
