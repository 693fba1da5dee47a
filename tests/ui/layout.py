"""Measurements of the layout of a page."""

from playwright.sync_api import Page

_SHIFTS = """() => new Promise(resolve => {
    let sum = 0
    const observer = new PerformanceObserver(list => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value
    })
    observer.observe({type: 'layout-shift', buffered: true})
    // Entries of the past are delivered in a task of their own, and those of this frame after it.
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => { observer.disconnect(); resolve(sum) })))
})"""


def layout_shift(page: Page) -> float:
    """Return the sum of all layout shifts since the page was loaded, except those right after input of the user.

    The Cumulative Layout Shift (CLS) is at most this sum.
    """
    return float(page.evaluate(_SHIFTS))


def scrolls_sideways(page: Page) -> bool:
    """Return whether the page is wider than its window. Regions that scroll on their own do not count."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
