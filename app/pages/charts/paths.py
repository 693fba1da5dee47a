"""SVG path data in the view box of a chart."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from app.pages.charts.chart import HEIGHT, number

_RADIUS = 3
_ROUND_WIDTH_MIN = 5
"""The top of a narrower bar is straight: a curve would be too small to see, and 90 or 168 curves are long to send."""

Point = tuple[float, float]


class Bar(Struct, frozen=True):
    """A part of one stacked bar. Only the part at the top of its stack is round."""

    x: float
    top: float
    width: float
    height: float
    is_top: bool


def bars_path(bars: Iterable[Bar]) -> str:
    """Return the outlines of bars without their last sides, which a fill closes.

    Each begins relative to the end of the one before. A page has up to a thousand bars, and this is shorter.
    """
    path, end_x, end_y = "", 0.0, 0.0
    for bar in bars:
        # Differences of rounded values, so that the rounding does not add up.
        x, bottom, width = round(bar.x, 2), round(bar.top + bar.height, 1), round(bar.width, 2)
        path += f"m{number(x - end_x)} {number(bottom - end_y)}"
        path += _outline(width, bottom - round(bar.top, 1), is_round=bar.is_top and width >= _ROUND_WIDTH_MIN)
        end_x, end_y = x + width, bottom
    return path


def _outline(width: float, height: float, *, is_round: bool) -> str:
    if not is_round:
        return f"v-{number(height)}h{number(width)}v{number(height)}"
    radius = min(_RADIUS, height, width / 2)
    r, side = number(radius), number(height - radius)
    return f"v-{side}q0-{r} {r}-{r}h{number(width - 2 * radius)}q{r} 0 {r} {r}v{side}"


def runs(points: Sequence[Point | None]) -> list[list[Point]]:
    """Return the runs of points between gaps."""
    found: list[list[Point]] = [[]]
    for point in points:
        if point is not None:
            found[-1].append(point)
        elif found[-1]:
            found.append([])
    return [run for run in found if run]


def line_path(points: Sequence[Point | None]) -> str:
    """Return a line with gaps."""
    return "".join(f"M{_polyline(run)}" for run in runs(points) if len(run) > 1)


def dots_path(points: Sequence[Point | None]) -> str:
    """Return the points between two gaps, as lines without length, which a round cap makes dots."""
    return "".join(f"M{_polyline(run)}h0" for run in runs(points) if len(run) == 1)


def area_path(upper: Sequence[Point | None], lower: Sequence[Point | None] | None = None) -> str:
    """Return the area between two lines with the same gaps. Without `lower`, it reaches down to the axis."""
    path = ""
    for index, run in enumerate(runs(upper)):
        if len(run) == 1:
            continue
        below = runs(lower)[index] if lower is not None else [(x, float(HEIGHT)) for x, _ in run]
        path += f"M{_polyline([*run, *reversed(below)])}z"
    return path


def _polyline(points: Iterable[Point]) -> str:
    """Return the points of a line. A tenth of a unit is less than a pixel on every screen."""
    return "L".join(f"{number(round(x, 1))} {number(round(y, 1))}" for x, y in points)
