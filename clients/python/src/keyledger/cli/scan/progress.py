"""Progress of a scan: what was read, and what could not be."""

import sys
from collections.abc import Iterable, Iterator
from time import monotonic
from typing import Final

from keyledger.cli.output import plural
from keyledger.cli.progress import ProgressLine
from keyledger.cli.tables import printable

_PROBLEMS_SHOWN_MAX: Final = 20
_SECONDS: Final = 0.2
_MEGABYTE: Final = 1_000_000


class Progress:
    """Counts what was read and what was not, and shows the progress on a terminal."""

    def __init__(self) -> None:
        self.files = self.size = self.problems = 0
        self._line = ProgressLine()
        self._next = monotonic() + _SECONDS

    def counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        self.files += 1
        for chunk in chunks:
            self.size += len(chunk)
            self._show()
            yield chunk
        self._show()

    def summary(self, noun: str) -> str:
        """Return what was read, such as "1,204 files, 35.1 MB". `noun`: file or version."""
        return f"{plural(self.files, noun)}, {self.size / _MEGABYTE:,.1f} MB"

    def problem(self, path: str, reason: str) -> None:
        self.problems += 1
        if self.problems <= _PROBLEMS_SHOWN_MAX:
            self._line.clear()
            print(f"keyledger: not scanned: {printable(path)}: {printable(reason)}", file=sys.stderr)

    def end(self) -> None:
        self._line.clear()
        more = self.problems - _PROBLEMS_SHOWN_MAX
        if more > 0:
            print(f"keyledger: {more:,} more could not be scanned.", file=sys.stderr)

    def _show(self) -> None:
        if self._line.is_shown and monotonic() >= self._next:
            self._next = monotonic() + _SECONDS
            self._line.show(f"{plural(self.files, 'file')}, {self.size // _MEGABYTE:,} MB")
