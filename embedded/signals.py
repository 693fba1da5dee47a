"""A request to stop, noticed where it does no harm.

The signal handler only takes a note. Raising from it would be shorter, but it may run in the middle of anything, even
between the taking of a lock inside `subprocess` and the `try` that gives it back: then every later wait hangs for ever.
"""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType


class StopRequested(BaseException):
    """SIGINT, SIGTERM or SIGHUP arrived. No `except Exception` on the way out may swallow it."""


class _Note:
    requested = False
    ignored = False


@contextmanager
def stop_requests() -> Generator[None]:
    """Inside, SIGINT, SIGTERM and SIGHUP are noted for `raise_if_requested`. Use it in the main thread."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as it is under nohup
        numbers.append(signal.SIGHUP)
    _Note.requested = _Note.ignored = False
    before = {number: signal.signal(number, _take_note) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def raise_if_requested() -> None:
    """Raises StopRequested if there is a request and it is not ignored."""
    if _Note.requested and not _Note.ignored:
        raise StopRequested


def ignore_requests() -> None:
    """From now on nothing is raised: what stops has to wait for it."""
    _Note.ignored = True


def _take_note(_number: int, _frame: FrameType | None) -> None:
    _Note.requested = True
