"""Tables that fit the terminal. In a pipe, every cell is complete and nothing has a colour."""

import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

_GAP: Final = "  "
_CUT: Final = "…"
_JOINERS: Final = "\u200c\u200d"
"""Characters that join others without a width of their own, in scripts and emoji."""
_WITHOUT_WIDTH: Final = {"Mn", "Me", "Cf"}
"""Categories of Unicode: nonspacing and enclosing marks, and format characters."""
_LEAST: Final = 8
"""A column is not cut to less than this."""

_COLORS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("active", "healthy", "success", "delivered", "yes", "valid"), "32"),
    **dict.fromkeys(("revoked", "denied", "critical", "failed", "unhealthy", "no"), "31"),
    **dict.fromkeys(("expired", "disabled", "inactive", "error", "warning", "pending"), "33"),
}
"""The colour of a cell in a column with states, as the number of an SGR sequence (ECMA-48)."""

Row = Sequence[str]


class Column(NamedTuple):
    """`is_cut`: a long cell may be cut. `left_out`: columns with higher numbers are left out first; 0: never."""

    title: str
    is_cut: bool = False
    left_out: int = 0
    has_states: bool = False


class Layout(NamedTuple):
    """The numbers of the columns that are shown, and their widths. `is_limited`: longer cells are cut."""

    shown: Sequence[int]
    widths: Sequence[int]
    is_limited: bool = False


def print_table(columns: Sequence[Column], batches: Iterable[Sequence[Row]]) -> None:
    """Print rows as they arrive. The first batch decides the widths."""
    layout: Layout | None = None
    for rows in batches:
        cells = [[printable(cell) for cell in row] for row in rows]
        if layout is None:
            layout = layout_of(columns, cells, terminal_width())
            _print_line(columns, layout, [column.title for column in columns], style="1")
        for row in cells:
            _print_line(columns, layout, row)
        sys.stdout.flush()
    if layout is None:
        _print_line(columns, layout_of(columns, [], terminal_width()), [column.title for column in columns], style="1")


def layout_of(columns: Sequence[Column], rows: Sequence[Row], width: int | None) -> Layout:
    """Return the layout of a table that is at most `width` wide if it can be. None: as wide as its cells."""
    widths = [
        max(display_width(text) for text in (column.title, *(row[number] for row in rows)))
        for number, column in enumerate(columns)
    ]
    shown = list(range(len(columns)))
    if width is None:
        return Layout(shown, widths)
    least = [min(found, _LEAST) if columns[number].is_cut else found for number, found in enumerate(widths)]
    while _total(least, shown) > width:
        optional = [number for number in shown if columns[number].left_out]
        if not optional:
            break
        shown.remove(max(optional, key=lambda number: columns[number].left_out))
    while _total(widths, shown) > width:
        cut = [number for number in shown if widths[number] > least[number]]
        if not cut:
            break
        widths[max(cut, key=lambda number: widths[number])] -= 1
    return Layout(shown, widths, is_limited=True)


def terminal_width() -> int | None:
    """Return the width of the terminal, or None if standard output is something else."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def print_row(cells: Sequence[str]) -> None:
    """Print one line of a table that has no end, and therefore no widths."""
    print(_GAP.join(printable(cell) or "-" for cell in cells))


def print_fields(fields: Iterable[tuple[str, str]]) -> None:
    """Print one name and value a line."""
    known = [(name, printable(value)) for name, value in fields if value]
    width = max((display_width(name) for name, _ in known), default=0)
    for name, value in known:
        print(f"{_padded(name, width)}{_GAP}{value}")


def has_colors() -> bool:
    """Return whether colours are shown: on a terminal, unless NO_COLOR is set (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def display_width(text: str) -> int:
    """Return the number of columns that a text takes on a terminal (Unicode Standard Annex 11)."""
    return sum(
        0
        if unicodedata.category(character) in _WITHOUT_WIDTH
        else 2
        if unicodedata.east_asian_width(character) in "WF"
        else 1
        for character in text
    )


def _total(widths: Sequence[int], shown: Sequence[int]) -> int:
    return sum(widths[number] for number in shown) + len(_GAP) * (len(shown) - 1)


def _print_line(columns: Sequence[Column], layout: Layout, row: Row, style: str = "") -> None:
    cells = [
        (_fitted if layout.is_limited and columns[number].is_cut else _padded)(row[number], layout.widths[number])
        for number in layout.shown
    ]
    if not has_colors():
        print(_GAP.join(cells).rstrip())
    elif style:
        print(f"\x1b[{style}m{_GAP.join(cells).rstrip()}\x1b[0m")
    else:
        print(_GAP.join(_colored(columns[number], cell) for number, cell in zip(layout.shown, cells, strict=True)))


def _colored(column: Column, cell: str) -> str:
    color = _COLORS.get(cell.strip()) if column.has_states else None
    return cell if color is None else f"\x1b[{color}m{cell}\x1b[0m"


def _fitted(text: str, width: int) -> str:
    """Return the text with spaces up to the width, or cut to it."""
    if display_width(text) <= width:
        return _padded(text, width)
    kept, used = "", display_width(_CUT)
    for character in text:
        used += display_width(character)
        if used > width:
            break
        kept += character
    return _padded(kept + _CUT, width)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - display_width(text))


def printable(text: str, *, lines: bool = False) -> str:
    """Return the text without characters that control a terminal, because any caller can choose a name.

    A line end becomes a space, unless `lines` are kept.
    """
    return "".join(_printable(character, lines=lines) for character in text)


def _printable(character: str, *, lines: bool) -> str:
    if character.isprintable() or character in _JOINERS or unicodedata.category(character) == "Zs":
        return character
    if lines and character in "\n\t":
        return character
    return " " if character.isspace() else "�"
