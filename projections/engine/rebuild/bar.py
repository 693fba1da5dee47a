"""A progress bar on standard error: how much is done, and how fast."""

import os
import sys
from time import monotonic

_WIDTH_MAX = 30
_COLUMNS = 80
"""The width of a terminal that does not report one."""

_SECONDS_BETWEEN_LINES = 5.0


class Bar:
    """Updates its line in place on a terminal, and prints a line every few seconds elsewhere.

    The last state is always shown.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._began = self._said = 0.0
        self._first: int | None = None
        """What was done before the first update, because an earlier run may have been killed."""
        self._shown = ""
        """The current content of the terminal line."""
        self._unsaid = ""

    def __call__(self, done: int, of: int) -> None:
        at = monotonic()
        if self._first is None:
            self._first = done
            self._began = self._said = at
        rate = (done - self._first) / max(at - self._began, 0.001)
        share = done / of if of else 1.0
        figures = f"{share:4.0%}  {done:,} of {of:,} positions, {rate:,.0f}/s"
        if sys.stderr.isatty():
            self._show(share, figures)
            return
        self._unsaid = self._drawn(share, figures, _WIDTH_MAX)
        if at - self._said >= _SECONDS_BETWEEN_LINES:
            self._said = at
            self._say()

    def close(self) -> None:
        if self._shown:
            sys.stderr.write("\n")
        self._say()

    def _show(self, share: float, figures: str) -> None:
        # A line that fills the last column continues in the next row, and cannot be overwritten.
        room = _columns() - 1
        width = min(room - len(self._drawn(share, figures, 0)), _WIDTH_MAX)
        line = self._drawn(share, figures, width) if width > 0 else figures[:room]
        sys.stderr.write(f"\r{line:<{min(len(self._shown), room)}}")
        sys.stderr.flush()
        self._shown = line

    def _say(self) -> None:
        if self._unsaid:
            sys.stderr.write(f"{self._unsaid}\n")
            sys.stderr.flush()
            self._unsaid = ""

    def _drawn(self, share: float, figures: str, width: int) -> str:
        return f"{self._title} [{'#' * int(share * width):<{width}}] {figures}"


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _COLUMNS
    except OSError:
        return _COLUMNS
