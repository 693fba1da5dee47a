"""A lock among all processes and threads that write to the same file, such as an inherited pipe.

A write of at most PIPE_BUF bytes to a pipe is atomic (POSIX, write(2)). A longer line takes several writes, and between
them another process could write. Record locks keep the others out. A record lock belongs to a process and applies to
the pipe, however the process obtained its descriptor. The kernel releases the lock when the process ends.
"""

import fcntl
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Final

_WAIT_SECONDS = 0.1
_STEP_SECONDS = 0.001


class OutputLock:
    """An advisory lock. A stuck holder delays the other writers once, briefly, and costs none of their lines."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: Final = descriptor
        # A signal handler may log while the thread that it interrupts is writing a line.
        self._threads = threading.RLock()
        self._holder_is_stuck = False

    @contextmanager
    def held(self) -> Generator[None]:
        """Keep the other writers out during the block, unless waiting for them takes too long."""
        deadline = time.monotonic() + (0.0 if self._holder_is_stuck else _WAIT_SECONDS)
        is_only_thread = self._threads.acquire(timeout=max(0.0, deadline - time.monotonic()))
        is_only_process = self._lock(deadline)
        self._holder_is_stuck = not (is_only_thread and is_only_process)
        try:
            yield
        finally:
            if is_only_process:
                with suppress(OSError):
                    fcntl.lockf(self._descriptor, fcntl.LOCK_UN)
            if is_only_thread:
                self._threads.release()

    def _lock(self, deadline: float) -> bool:
        while True:
            try:
                fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):  # either means that another process holds it (fcntl(2))
                if time.monotonic() >= deadline:
                    return False
                time.sleep(_STEP_SECONDS)
            except OSError:
                return False  # this kind of file does not support locks
            else:
                return True
