"""Standard input, which can be used for one thing only."""

import sys
from collections.abc import Iterator
from typing import BinaryIO

from keyledger.cli.exit_codes import UsageError

_SIZE_MAX = 16_000_000

_read: list[bool] = []


def standard_input(size_max: int = _SIZE_MAX) -> bytes:
    """Return the content of standard input. Raise UsageError if it was read before, or is closed or too large."""
    content = _opened().read(size_max + 1)
    if len(content) > size_max:
        raise UsageError("Standard input is too large.")
    return content


def standard_input_chunks(size: int) -> Iterator[bytes]:
    """Yield standard input in pieces of at most `size` bytes. Raise UsageError if it was read before, or is closed."""
    opened = _opened()
    while chunk := opened.read(size):
        yield chunk


def _opened() -> BinaryIO:
    if _read:
        raise UsageError("Standard input can be used for one thing only. Use a file for the other.")
    _read.append(True)
    if sys.stdin is None:
        raise UsageError("Standard input is closed.")
    return sys.stdin.buffer
