"""The text that a page shows: raw ids in it, and what is cut off when people change its spacing."""

from playwright.sync_api import Page

_IDS = r"""allowed => {
    const id = /\b(?:key|mcp|user|org|hook|evt|alert|ses|invite|idn|call)_[0-9a-z]{26}\b/
    const place = element => (element.closest('dd, td, th, li, p, h1, section') || element).outerHTML.slice(0, 160)
    const found = id.test(document.title) ? [document.title] : []
    for (const element of document.body.querySelectorAll(`:not(script, style, :is(${allowed}) *, ${allowed})`)) {
        const texts = [...element.childNodes].filter(node => node.nodeType === Node.TEXT_NODE).map(node => node.data)
        const labels = ['title', 'aria-label', 'alt', 'placeholder'].map(name => element.getAttribute(name) || '')
        if ([...texts, ...labels].some(text => id.test(text))) found.push(place(element))
    }
    return found
}"""

_SPACING = """() => {
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(`
        * { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important }
        p { margin-bottom: 2em !important }`)
    document.adoptedStyleSheets = [sheet]
}"""

_CUT = """() => {
    const isUnseen = element => element.closest('.hidden') || element.offsetWidth <= 1
    const forReadersOnly = element => element && (isUnseen(element) || forReadersOnly(element.parentElement))
    const cuts = element => {
        const isWide = element.scrollWidth > element.clientWidth + 1
        const isHigh = element.scrollHeight > element.clientHeight + 1
        if (!isWide && !isHigh) return false
        const style = getComputedStyle(element)
        const wide = isWide && ['hidden', 'clip'].includes(style.overflowX)
        const high = isHigh && ['hidden', 'clip'].includes(style.overflowY)
        // A text that ends with an ellipsis is complete in the title of the element.
        return (wide && !(style.textOverflow === 'ellipsis' && element.closest('[title]'))) || high
    }
    const shown = [...document.body.querySelectorAll('*')].filter(element => element.checkVisibility())
    const cut = shown.filter(element => cuts(element) && !forReadersOnly(element) && element.innerText)
    return cut.map(element => element.outerHTML.slice(0, 200))
}"""


def raw_ids(page: Page, allowed: str) -> list[str]:
    """Return the ids in texts and labels of the page, without those in elements that the CSS selector names."""
    found: list[str] = page.evaluate(_IDS, allowed)
    return found


def cut_off(page: Page) -> list[str]:
    """Return the elements that hide a part of their text."""
    found: list[str] = page.evaluate(_CUT)
    return found


def widen_spacing(page: Page) -> None:
    """Give the text the spacing of WCAG 1.4.12, which people set who read with difficulty."""
    page.evaluate(_SPACING)
