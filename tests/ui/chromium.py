"""One Chromium for all tests of a pytest process, driven by Playwright."""

import asyncio
import shutil
from asyncio.events import _set_running_loop  # pyright: ignore[reportPrivateUsage] -- listed in its `__all__`
from collections.abc import Generator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from tests.missing import stop_without

HOW_TO_GET_IT = (
    "Chromium is missing. Install a package that puts `chromium` or `google-chrome` on the PATH; "
    "on Debian: apt-get install chromium"
)

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    """Return the path of the browser of this machine, if it has one."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


def chromium_path() -> str:
    """Return the path of the browser. Without one, skip the test; in CI, fail."""
    return find_chromium() or stop_without(HOW_TO_GET_IT)


class Chromium:
    """A running browser.

    Playwright's synchronous API keeps its event loop in the thread that started it, where no other loop can run then.
    The thread belongs to that loop only inside `driven`, so that asynchronous tests run in the same process.
    """

    def __init__(self, path: str) -> None:
        self._playwright = sync_playwright().start()
        self._loop = asyncio.get_running_loop()
        # Chromium's own sandbox does not start as root or in a container. Only pages of our own servers are opened.
        self._browser = self._playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        _set_running_loop(None)

    @contextmanager
    def driven(self) -> Generator[Browser]:
        """Drive the browser inside the block."""
        _set_running_loop(self._loop)
        try:
            yield self._browser
        finally:
            _set_running_loop(None)

    def close(self) -> None:
        with self.driven() as browser:
            browser.close()
            self._playwright.stop()
