"""Standard input, which can be used for one thing only."""

import sys

from keyledger.cli.exit_codes import UsageError

_SIZE_MAX = 16_000_000

_read: list[bool] = []


def standard_input() -> bytes:
    """Return the content of standard input. Raise UsageError if it was read before, or is closed or too large."""
    if _read:
        raise UsageError("Standard input can be used for one thing only. Use a file for the other.")
    _read.append(True)
    if sys.stdin is None:
        raise UsageError("Standard input is closed.")
    content = sys.stdin.buffer.read(_SIZE_MAX + 1)
    if len(content) > _SIZE_MAX:
        raise UsageError("Standard input is too large.")
    return content
