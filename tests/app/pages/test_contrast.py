"""Contrast of the colours in the stylesheet, in both themes (WCAG 2.2 §1.4.3 and §1.4.11, level AA)."""

import re
from pathlib import Path
from typing import Literal

import pytest

from app.pages import rendering

STYLESHEET = Path(rendering.__file__).parent / "static/app.css"
"""Declares each colour as a custom property with a value for each theme: `--text: light-dark(#1b2330, #e6eaf0);`."""

Theme = Literal["light", "dark"]

_TOKEN = re.compile(r"--([\w-]+):\s*light-dark\(\s*(#[0-9a-f]{6})\s*,\s*(#[0-9a-f]{6})\s*\)", re.IGNORECASE)
_SAME = re.compile(r"^\s*--([\w-]+):\s*var\(--([\w-]+)\);$", re.MULTILINE)
"""A token with the colours of another one: `--info: var(--accent);`"""

_TEXT, _GRAPHICS = 4.5, 3.0
"""Least contrast of text, and of borders of fields and parts of charts."""

PAIRS = (
    *((name, ground, _TEXT) for name in ("text", "quiet", "accent") for ground in ("card", "ground")),
    ("text", "raised", _TEXT),
    ("quiet", "raised", _TEXT),
    *(("field-border", ground, _GRAPHICS) for ground in ("card", "ground")),
    ("on-accent", "accent", _TEXT),
    *((name, f"{name}-tint", _TEXT) for name in ("ok", "warn", "danger", "info", "muted")),
    *((f"chart-{name}", "card", _GRAPHICS) for name in ("accepted", "errors", "refused", "4", "5", "6")),
)
"""Foreground, background, and the least contrast of the two."""


def tokens(stylesheet: Path = STYLESHEET) -> dict[str, dict[Theme, str]]:
    text = stylesheet.read_text(encoding="utf-8")
    declared: dict[str, dict[Theme, str]] = {
        name: {"light": light, "dark": dark} for name, light, dark in _TOKEN.findall(text)
    }
    return declared | {name: declared[other] for name, other in _SAME.findall(text)}


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours, such as `#1b2330`, from 1 to 21."""
    low, high = sorted(map(_luminance, (first, second)))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: str) -> float:
    """Return the relative luminance, from 0 to 1, as WCAG defines it."""
    channels = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("foreground", "background", "least"), PAIRS)
def test_colours_have_the_contrast_of_level_aa(foreground: str, background: str, least: float, theme: Theme) -> None:
    declared = tokens()
    ratio = contrast(declared[foreground][theme], declared[background][theme])
    assert ratio >= least, f"{foreground} on {background}: {ratio:.2f}"


def test_every_colour_is_in_a_pair_or_only_decorates() -> None:
    assert tokens().keys() == {name for pair in PAIRS for name in pair[:2]} | {"line"}


def test_the_api_reference_has_the_colours_of_the_pages() -> None:
    declared = tokens(STYLESHEET.with_name("reference.css"))
    assert declared
    assert declared.items() <= tokens().items()


@pytest.mark.parametrize(
    ("first", "second", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.48),
        ("#1b2330", "#ffffff", 15.8),
        ("#a0b0c0", "#a0b0c0", 1),
    ],
)
def test_the_contrast_is_that_of_wcag(first: str, second: str, ratio: float) -> None:
    assert contrast(first, second) == pytest.approx(ratio, abs=0.05)
