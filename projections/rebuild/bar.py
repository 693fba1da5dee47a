"""A progress bar on standard error: how much is done, and how fast."""

import sys
from time import monotonic

_WIDTH = 30
_SECONDS_BETWEEN_LINES = 5.0


class Bar:
    """In place on a terminal; a line every few seconds elsewhere."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._began = self._said = monotonic()
        self._first: int | None = None
        self._shown = False

    def __call__(self, done: int, of: int) -> None:
        at = monotonic()
        if self._first is None:
            self._first = done
        terminal = sys.stderr.isatty()
        if not terminal and at - self._said < _SECONDS_BETWEEN_LINES:
            return
        self._said = at
        rate = (done - self._first) / max(at - self._began, 0.001)
        share = done / of if of else 1.0
        filled = "#" * int(share * _WIDTH)
        line = f"{self._title} [{filled:<{_WIDTH}}] {share:4.0%}  {done:,} of {of:,} positions, {rate:,.0f} a second"
        sys.stderr.write(f"\r{line}" if terminal else f"{line}\n")
        sys.stderr.flush()
        self._shown = terminal

    def close(self) -> None:
        if self._shown:
            sys.stderr.write("\n")
