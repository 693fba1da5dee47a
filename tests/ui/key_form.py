"""The form of a new key. A preview of its permissions follows each change."""

from collections.abc import Generator
from contextlib import contextmanager

from playwright.sync_api import Locator, Page


@contextmanager
def previewed(page: Page) -> Generator[None]:
    """Make one change of the form inside, and wait until its preview has arrived.

    The next change would replace a preview that is on its way, which htmx reports on the console. On a busy machine a
    preview can be on its way for any time.
    """
    with page.expect_request_finished(lambda request: request.url.endswith("/keys/permissions/preview")):
        yield


def fill(field: Locator, text: str) -> None:
    """Fill a text field, and leave it."""
    with previewed(field.page):
        field.fill(text)
        field.blur()


def fill_in(page: Page, name: str = "prod-server") -> None:
    """Fill in what is required."""
    fill(page.get_by_label("Name", exact=True), name)
    with previewed(page):
        page.get_by_text("All MCP servers, including ones added later").click()


def create(page: Page) -> str:
    """Submit the form and return the secret."""
    page.get_by_role("button", name="Create", exact=True).click()
    return page.get_by_label("API key").input_value()
