"""The chart as templates receive it: shapes, labels, legend and table, with nothing left to compute."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from app.pages.charts.period import TimeLabel
from app.pages.charts.wording import clock_of

WIDTH = 600
HEIGHT = 160
"""The view box of the shapes. The template stretches it to the width of the page; see `parts/chart.html`."""

Color = Literal["accepted", "errors", "refused", "4", "5", "6", "other"]
Texture = Literal["solid", "lines", "dots", "bands", "columns", "grid"]
"""A texture distinguishes a series without its colour."""

EMPTY = "No requests in this period."


class Frame(Struct, frozen=True, kw_only=True):
    """Where the chart stands: an id that is unique in the page, its heading, and the texts around it.

    `data_until` is given if the data is incomplete: the time up to which uses have been counted.
    """

    id: str
    heading: str
    csv_url: str | None = None
    data_until: datetime | None = None


class Alert(Struct, frozen=True):
    """An alert to mark at its time, as a link."""

    time: datetime
    label: str
    url: str


class Shape(Struct, frozen=True):
    """One path in the view box: all bars of a series, an area, a line, or the dots of a line."""

    kind: Literal["bars", "area", "line", "dots"]
    color: Color
    path: str
    texture: Texture = "solid"
    dash: Literal["none", "dashed", "dotted"] = "none"


class Block(Struct, frozen=True):
    """One part of the bar that is still growing, in percent of the chart."""

    color: Color
    x: float
    y: float
    width: float
    height: float


class Mark(Struct, frozen=True):
    percent: float
    label: str
    url: str


class Key(Struct, frozen=True):
    """An entry of the legend. `column` is the column of the table with its values; the script shows them."""

    label: str
    value: str = ""
    form: Literal["bar", "area", "line", "gap", "so_far"] = "bar"
    color: Color = "accepted"
    texture: Texture = "solid"
    dash: Literal["none", "dashed", "dotted"] = "none"
    column: int | None = None


class Row(Struct, frozen=True):
    name: str
    cells: tuple[str, ...]
    marks: tuple[Mark, ...] = ()


class Table(Struct, frozen=True):
    """The numbers of the chart as text. `name` is the header of the column with the row names."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    total: tuple[str, ...] = ()


class Chart(Struct, frozen=True, kw_only=True):
    frame: Frame
    subject: str  # of the y axis: "Requests per hour"
    sentence: str
    ticks: tuple[str, ...]  # from the top to the bottom
    time_labels: tuple[TimeLabel, ...]
    slots: int  # hours or days from edge to edge
    shapes: tuple[Shape, ...]
    blocks: tuple[Block, ...] = ()
    marks: tuple[Mark, ...] = ()
    legend: tuple[Key, ...]
    table: Table
    message: str = ""  # in place of shapes, if there is nothing to draw

    @property
    def note(self) -> str:
        until = self.frame.data_until
        return "" if until is None else f"Up to {clock_of(until)}"

    @property
    def is_dense(self) -> bool:
        """Return whether bars are so narrow that a gap between them is less than a pixel on a phone."""
        return self.slots > 60  # noqa: PLR2004 -- 300 px / 60 = 5 px, of which the gap is 1 px

    @property
    def grid(self) -> str:
        """The path of the lines at the ticks."""
        intervals = len(self.ticks) - 1
        return "".join(f"M0 {number(HEIGHT * index / intervals)}H{WIDTH}" for index in range(intervals + 1))


def drawn(*shapes: Shape) -> tuple[Shape, ...]:
    """Return the shapes that have a path."""
    return tuple(shape for shape in shapes if shape.path)


def number(value: float) -> str:
    """Return a coordinate with at most two decimals, without the zeros that SVG does not need: ".5"."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    sign = "-" if text.startswith("-") else ""
    return sign + (text.removeprefix(sign).removeprefix("0") or "0")
