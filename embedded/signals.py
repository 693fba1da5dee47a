"""Stop requests, which raise only at safe points.

The signal handler only records the request. Raising in the handler would be shorter, but a handler can run at any
point, even between the acquisition of a lock inside `subprocess` and the `try` that releases it. Every later wait would
then hang permanently.
"""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType


class StopRequested(BaseException):
    """SIGINT, SIGTERM or SIGHUP arrived. No `except Exception` on the way out may swallow it."""


class _State:
    requested = False
    ignored = False


@contextmanager
def stop_requests() -> Generator[None]:
    """Record SIGINT, SIGTERM and SIGHUP for `raise_if_requested` during the block. Use it in the main thread."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as it is under nohup
        numbers.append(signal.SIGHUP)
    _State.requested = _State.ignored = False
    before = {number: signal.signal(number, _record_request) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def raise_if_requested() -> None:
    """Raise StopRequested if there is a request and requests are not ignored."""
    if _State.requested and not _State.ignored:
        raise StopRequested


def ignore_requests() -> None:
    """Ignore stop requests from now on, so that the shutdown itself is not interrupted."""
    _State.ignored = True


def _record_request(_number: int, _frame: FrameType | None) -> None:
    _State.requested = True
