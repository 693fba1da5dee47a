"""Measurements of the layout of a page."""

from playwright.sync_api import Page

_SHIFTS = """() => new Promise(resolve => {
    const shifts = []
    const place = rect => [rect.x, rect.y, rect.width, rect.height].map(Math.round).join(' ')
    const source = moved => {
        const element = moved.node?.nodeType === Node.TEXT_NODE ? moved.node.parentElement : moved.node
        const name = element ? element.outerHTML.slice(0, 80) : 'an element that is gone'
        return `${name} from ${place(moved.previousRect)} to ${place(moved.currentRect)}`
    }
    const [{domInteractive, domContentLoadedEventEnd}] = performance.getEntriesByType('navigation')
    const [painted] = performance.getEntriesByName('first-paint')
    const completed = painted?.startTime < domInteractive ? domContentLoadedEventEnd + 100 : 0
    const observer = new PerformanceObserver(list => {
        for (const entry of list.getEntries())
            if (!entry.hadRecentInput && entry.value >= 0.0005 && entry.startTime > completed)
                shifts.push(`${entry.value}: ${entry.sources.map(source).join('; ')}`)
    })
    observer.observe({type: 'layout-shift', buffered: true})
    // Entries of the past are delivered in a task of their own, and those of this frame after it.
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => {
        observer.disconnect()
        resolve(shifts)
    })))
})"""

_LOW_TARGETS = """least => {
    const hasWords = text => /[\\p{L}\\p{N}]/u.test(text)
    const isInline = element => getComputedStyle(element).display.startsWith('inline')
    const wordsAround = (element, target) => [...element.childNodes].some(node =>
        node.nodeType === Node.TEXT_NODE ? hasWords(node.data)
            : node !== target && node.nodeType === Node.ELEMENT_NODE && !node.matches('a, button, .hidden')
                && isInline(node) && wordsAround(node, target))
    const isInSentence = target => {
        let block = target.parentElement
        while (isInline(block)) block = block.parentElement
        return isInline(target) && wordsAround(block, target)
    }
    return [...document.querySelectorAll('a[href], button, summary, select, textarea, input:not([type=hidden])')]
        .map(element => element.matches('[type=radio], [type=checkbox]') ? element.closest('label') : element)
        .filter(element => {
            const {width, height, bottom} = element.getBoundingClientRect()
            const isShown = element.checkVisibility() && !element.closest('.hidden') && bottom > -scrollY
            return isShown && height < least && !isInSentence(element)
        })
        .map(element => `${element.getBoundingClientRect().height} px: ${element.outerHTML.slice(0, 120)}`)
}"""
_CUT_TABLES = """() => [...document.querySelectorAll('.table-region')]
    .filter(region => region.scrollWidth > region.clientWidth + 1).map(region => region.outerHTML.slice(0, 120))"""

_TARGET_HEIGHT = 43.5
"""44 pixels, of which rounding may take half of one."""


def layout_shifts(page: Page) -> list[str]:
    """Return all layout shifts since the page was loaded, except those right after input of the user.

    On a busy machine, a browser may paint a page before it has read all of it. The shifts up to the complete page are
    left out then, and always those that three decimals show as 0.000. Each line has the score and up to five elements
    that moved, with their places (x, y, width, height).
    """
    shifts: list[str] = page.evaluate(_SHIFTS)
    return shifts


def scrolls_sideways(page: Page) -> bool:
    """Return whether the page is wider than its window. Regions that scroll on their own do not count."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def low_targets(page: Page) -> list[str]:
    """Return the controls that are less than 44 pixels high. A link or button within a sentence may be (WCAG 2.5.8)."""
    found: list[str] = page.evaluate(_LOW_TARGETS, _TARGET_HEIGHT)
    return found


def cut_tables(page: Page) -> list[str]:
    """Return the tables that are wider than their place."""
    found: list[str] = page.evaluate(_CUT_TABLES)
    return found
