"""A lock among all processes and threads that write to one place, such as the pipe that they inherited.

A write of at most PIPE_BUF bytes to a pipe is in one piece (POSIX, write(2)). A longer line takes several, and between
them another process could write. Record locks keep the others out. They belong to a process and apply to the pipe,
however a process came by it, and the kernel releases them when their process ends.
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
    """An advisory lock: a holder that is stuck costs the others a moment, once, and none of their lines."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: Final = descriptor
        # The handler of a signal may log while the thread that it interrupts is writing a line.
        self._threads = threading.RLock()
        self._holder_is_stuck = False

    @contextmanager
    def held(self) -> Generator[None]:
        """Keep the other writers out, as far as they can be waited for."""
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
                return False  # this kind of file has no locks
            else:
                return True
