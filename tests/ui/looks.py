"""Sizes, colours and media in which pages are shown."""

from dataclasses import dataclass
from typing import Literal

from playwright.sync_api import Page


@dataclass(frozen=True)
class Look:
    """A way to show a page. `name` is part of the names of tests and screenshots."""

    name: str
    width: int = 1280
    height: int = 800
    colors: Literal["light", "dark"] = "light"
    forced_colors: bool = False
    printed: bool = False

    def apply(self, page: Page) -> None:
        """Show an open page this way, without loading it again."""
        page.set_viewport_size({"width": self.width, "height": self.height})
        page.emulate_media(
            color_scheme=self.colors,
            forced_colors="active" if self.forced_colors else "none",
            media="print" if self.printed else "screen",
        )


LIGHT = Look("light")
DARK = Look("dark", colors="dark")
LIGHT_NARROW = Look("light-narrow", width=360, height=740)
DARK_NARROW = Look("dark-narrow", width=360, height=740, colors="dark")

MEDIUM = Look("medium", width=900)
"""Too narrow for a table of keys, and too wide for cards: tables scroll in their own region."""

ZOOMED = Look("zoomed", width=320, height=256)
"""A window of 1280 by 1024 pixels at 400 % zoom, as WCAG 1.4.10 measures it."""

FORCED_COLORS = Look("forced-colors", forced_colors=True)
PRINTED = Look("printed", width=720, printed=True)

JOURNEY_LOOKS = (LIGHT, DARK_NARROW)
"""Every journey runs in both, through the fixture `look`."""

THEMES_AND_WIDTHS = (LIGHT, DARK, LIGHT_NARROW, DARK_NARROW)
"""Every page is checked with axe in all of them."""
