"""SVG path data in the view box of a chart."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from app.pages.charts.chart import HEIGHT, number

_RADIUS = 3
_ROUND_WIDTH_MIN = 4
"""The top of a narrower bar is straight: a curve would be too small to see, and 168 curves are long to send."""

Point = tuple[float, float]


class Bar(Struct, frozen=True):
    """A part of one stacked bar. Only the part at the top of its stack is round."""

    x: float
    top: float
    width: float
    height: float
    is_top: bool


def bars_path(bars: Iterable[Bar]) -> str:
    return "".join(_bar(bar) for bar in bars)


def _bar(bar: Bar) -> str:
    """Return the outline without its last side, which a fill closes."""
    bottom = number(bar.top + bar.height, 1)
    if not bar.is_top or bar.width < _ROUND_WIDTH_MIN:
        return f"M{number(bar.x)} {bottom}V{number(bar.top, 1)}h{number(bar.width)}V{bottom}"
    radius = min(_RADIUS, bar.height, bar.width / 2)
    r = number(radius)
    return (
        f"M{number(bar.x)} {bottom}V{number(bar.top + radius)}q0-{r} {r}-{r}"
        f"h{number(bar.width - 2 * radius)}q{r} 0 {r} {r}V{bottom}"
    )


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
    return "L".join(f"{number(x)} {number(y)}" for x, y in points)
