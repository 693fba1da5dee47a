"""The sparkline of a table row: accepted requests of the last days, scaled to the highest of the row."""

from collections.abc import Sequence
from itertools import takewhile

from msgspec import Struct

from app.pages.charts.chart import number
from app.pages.charts.wording import counted, grouped

SPARKLINE_WIDTH = 84
SPARKLINE_HEIGHT = 20
_GAP_FRACTION = 1 / 3


class Sparkline(Struct, frozen=True):
    sentence: str
    total: str
    path: str  # a vertical line for each day with requests
    bar_width: str


def sparkline(days: Sequence[int]) -> Sparkline:
    """Return the sparkline of accepted requests per day, oldest first. The last day is today."""
    peak = max(days, default=0)
    slot = SPARKLINE_WIDTH / max(len(days), 1)
    width = slot * (1 - _GAP_FRACTION)
    path, end_x, rise = "", 0.0, float(SPARKLINE_HEIGHT)
    for index, value in enumerate(days):
        if value:
            x = round(index * slot + width / 2, 2)
            path += f"m{number(x - end_x)} {number(rise)}"  # to the axis, from the end of the line before
            end_x, rise = x, round(SPARKLINE_HEIGHT * value / peak, 2)
            path += f"v-{number(rise)}"
    return Sparkline(_sentence(days, peak), grouped(sum(days)), path, number(width))


def _sentence(days: Sequence[int], peak: int) -> str:
    text = f"{counted(sum(days), 'request')} in {len(days)} days"
    if not peak:
        return text
    idle = len(list(takewhile(lambda value: value == 0, reversed(days))))
    if idle == 1:
        text += ", none today"
    elif idle:
        text += f", none in the last {idle}"
    return f"{text}. Highest day: {grouped(peak)}."
