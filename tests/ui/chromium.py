"""Chromium for tests of pages. Tests that are marked `needs_browser` are skipped on a machine without it."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

_PATH = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

needs_browser = pytest.mark.skipif(_PATH is None, reason="there is no Chromium on this machine")


@contextmanager
def start_browser() -> Generator[Browser]:
    """Start the browser, and stop it when the block ends.

    Inside the block, Playwright's own event loop runs in this thread, so a test cannot run coroutines there. Query the
    database before or after the block.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_PATH, args=["--no-sandbox"])
        yield browser
        browser.close()
