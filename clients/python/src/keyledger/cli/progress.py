"""One line on standard error, on which a long command shows its progress to a person."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from keyledger.cli.output import plural

T = TypeVar("T")


class ProgressLine:
    """A line that is replaced by the next one, and removed at the end. It is shown on a terminal only."""

    def __init__(self) -> None:
        self.is_shown = sys.stderr.isatty()

    def show(self, text: str) -> None:
        if self.is_shown:
            print(f"\r{text}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        self.show("\x1b[K")


def counted(batches: Iterable[Sequence[T]], noun: str) -> Iterator[Sequence[T]]:
    """Yield the batches, and show how many items they contained so far."""
    line = ProgressLine()
    number = 0
    try:
        for batch in batches:
            yield batch
            number += len(batch)
            line.show(plural(number, noun))
    finally:
        line.clear()
