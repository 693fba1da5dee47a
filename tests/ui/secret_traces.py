"""A search for a secret in everything that a browser remembers of a page."""

import json

from playwright.sync_api import Page

_PLACES = """() => ({
    'the document': document.documentElement.outerHTML,
    'a field': [...document.querySelectorAll('input, textarea, select')].map(each => each.value).join('\\n'),
    'the address': location.href,
    'the referrer': document.referrer,
    'the name of the window': window.name,
    'history.state': JSON.stringify(history.state),
    'local storage': JSON.stringify({...localStorage}),
    'session storage': JSON.stringify({...sessionStorage}),
    'performance entries': performance.getEntries().map(each => each.name).join('\\n'),
    'cookies': document.cookie,
})"""


def secret_traces(page: Page, secret: str) -> list[str]:
    """Return the places in which the page, or its cookies, contain `secret`."""
    places: dict[str, str] = page.evaluate(_PLACES)
    places["cookies"] += json.dumps([dict(cookie) for cookie in page.context.cookies()])
    return [place for place, text in places.items() if secret in text]
