"""The menu of the dashboard, which narrow screens show only after a click."""

from playwright.sync_api import Page


def open_menu(page: Page) -> None:
    button = page.get_by_text("Menu", exact=True)
    if button.is_visible():
        button.click()
