"""Elements for which axe cannot decide whether they violate a rule, and the decision that a person made."""

from typing import NamedTuple


class Judged(NamedTuple):
    """A decision that the elements violate nothing.

    `target` is a regular expression for the whole CSS selector of the element, as axe reports it.
    """

    rule: str
    target: str
    reason: str


JUDGED: tuple[Judged, ...] = (
    Judged(
        "color-contrast",
        r".*\.badge-glyph.*",
        "The shape next to the word of a badge has the colour of the word, for which axe decides.",
    ),
    Judged(
        "color-contrast",
        r"th:.*|tr:.*|td:.*|time\[title=.*|button\[aria-label=\"End the session from .*",
        "At 360 px, these cells are scrolled out of the table's region. At 1280 px axe decides.",
    ),
    Judged(
        "color-contrast",
        r".*\.rule-glyph.*",
        "The sign next to a rule or a step has the colours of a badge, whose contrast tests/app/pages computes.",
    ),
    Judged(
        "color-contrast",
        r".*text\[.*|.*\.chart-(?:times|minor).*",
        "The labels of an axis are text of an SVG, in the quiet colour on a card, whose contrast is computed too.",
    ),
)
