"""A real browser, if the machine has one."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

_FOUND = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

needs_browser = pytest.mark.skipif(_FOUND is None, reason="there is no Chromium on this machine")


@contextmanager
def started() -> Generator[Browser]:
    """Start the browser. No coroutine can run in this thread until it stops, so query the database before or after."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_FOUND, args=["--no-sandbox"])
        yield browser
        browser.close()
