"""The browser windows of one test."""

from collections.abc import Sequence

from playwright.sync_api import Browser, BrowserContext, Page

from tests.app.people import COOKIE, Person
from tests.ui.looks import LIGHT, Look
from tests.ui.observer import Observer

_TIMEOUT_MS = 30_000
"""Generous, for busy machines: a test only distinguishes what happens from what does not."""


class Ui:
    """Windows on one server. At the end of the test, nothing may have happened in them that it did not expect."""

    def __init__(self, browser: Browser, origin: str) -> None:
        self._browser = browser
        self._origin = origin
        self._observer = Observer(origin)
        self._contexts: list[BrowserContext] = []
        self.expect = self._observer.expect
        self.allow = self._observer.allow
        self.problems = self._observer.problems

    def window(
        self,
        person: Person | None = None,
        look: Look = LIGHT,
        *,
        java_script: bool = True,
        permissions: Sequence[str] = (),
    ) -> Page:
        """Return an empty page in a new window with its own cookies and storage, in which `person` is signed in.

        `permissions`: those that the user has granted, such as `clipboard-read`.
        """
        context = self._browser.new_context(
            base_url=self._origin,
            java_script_enabled=java_script,
            permissions=list(permissions),
            viewport={"width": look.width, "height": look.height},
            color_scheme=look.colors,
            forced_colors="active" if look.forced_colors else "none",
            reduced_motion="reduce",
        )
        self._contexts.append(context)
        context.set_default_timeout(_TIMEOUT_MS)
        self._observer.watch(context)
        if person is not None:
            context.add_cookies(
                [{"name": COOKIE, "value": person.secret, "url": self._origin, "httpOnly": True, "sameSite": "Lax"}]
            )
        page = context.new_page()
        if look.printed:
            page.emulate_media(media="print")
        return page

    def open(self, path: str, person: Person | None = None, look: Look = LIGHT, *, java_script: bool = True) -> Page:
        """Return the page at `path`, in a new window in which `person` is signed in."""
        page = self.window(person, look, java_script=java_script)
        page.goto(path)
        return page

    def close(self) -> None:
        """Close all windows. What their pages do from then on is not observed."""
        for context in self._contexts:
            for page in context.pages:
                # Everything that the page has reported so far arrives before the answer.
                page.title()
            self._observer.leave(context)
            context.close()
        self._contexts.clear()
