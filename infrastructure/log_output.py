"""Output of log lines to standard error that never fails and never blocks the process that logs.

A full disk, a reader that has exited, a reader that has stopped reading and a closed standard error cost log lines and
nothing else. Lines that could not be written are counted.
"""

import os
import select
import stat
import sys
from contextlib import nullcontext
from typing import Final

from infrastructure.output_lock import OutputLock

_WAIT_MILLISECONDS = 100
"""How long one line waits for a slow reader. While the reader remains behind, later lines do not wait."""

_STANDARD_STREAMS = 3


class LogOutput:
    """A text stream for whole lines. `dropped` counts the lines that were not, or not completely, written."""

    def __init__(self, descriptor: int | None) -> None:
        self.dropped = 0
        self._descriptor: Final = descriptor
        self._cut_off = False
        self._is_behind = False
        self._lock: OutputLock | None = None
        # A write of at most this size does not block if the pipe or socket is reported as writable.
        self._chunk = select.PIPE_BUF
        if descriptor is not None:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                self._chunk = sys.maxsize
            else:
                self._lock = OutputLock(descriptor)

    def write(self, text: str) -> int:
        """Write `text`, or count it as dropped. Never raise, and return what `TextIO.write` would."""
        if not self._written(text.encode(errors="backslashreplace")):
            self.dropped += 1
        return len(text)

    def flush(self) -> None:
        """Do nothing, because no line is buffered."""

    def forget(self) -> None:
        """Reset the count and the lock in a forked process, which counts only its own lines and has one thread."""
        self.dropped = 0
        if self._lock is not None and self._descriptor is not None:
            self._lock = OutputLock(self._descriptor)

    def _written(self, line: bytes) -> bool:
        if self._descriptor is None:
            return False
        with self._lock.held() if self._lock is not None else nullcontext():
            return self._is_whole(self._descriptor, line)

    def _is_whole(self, descriptor: int, line: bytes) -> bool:
        # The fragment of an incomplete line must not run into this one.
        left = memoryview(b"\n" + line if self._cut_off else line)
        size = len(left)
        try:
            while left and self._is_writable(descriptor):
                left = left[os.write(descriptor, left[: self._chunk]) :]
        except (OSError, ValueError):
            pass
        if len(left) < size:
            self._cut_off = bool(left)
        return not left

    def _is_writable(self, descriptor: int) -> bool:
        poll = select.poll()  # two threads cannot share one
        poll.register(descriptor, select.POLLOUT)
        ready = poll.poll(0 if self._is_behind else _WAIT_MILLISECONDS)
        self._is_behind = not ready
        return bool(ready)


def _standard_error() -> int | None:
    """Return the descriptor of standard error; None if it was closed before this process started.

    The numbers of closed standard streams are occupied first. Otherwise the next connection to the database would get
    one of them, and a library that writes to standard error would write into that connection.
    """
    for number in range(_STANDARD_STREAMS):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    try:
        return None if sys.stderr is None else sys.stderr.fileno()  # pyright: ignore[reportUnnecessaryComparison]
    except (OSError, ValueError):
        return None


OUTPUT: Final = LogOutput(_standard_error())
"""The log output of this process."""

os.register_at_fork(after_in_child=OUTPUT.forget)


def dropped_lines() -> int:
    """Return how many log lines of this process could not be written."""
    return OUTPUT.dropped
