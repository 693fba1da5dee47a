"""Interrupt a coroutine at its n-th await, like a deadline that passes at that moment.

Every await at which the event loop may switch counts, in the coroutine and in the tasks that it starts.
Tests repeat with n = 1, 2, 3, … until the coroutine ends before it is interrupted.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterator
from functools import partial
from typing import Any, Literal

import pytest

AWAITS_MAX = 2_000

Moment = Literal["while it waits", "when the answer has come"]
"""Before the awaited result arrives, or after it arrived but before the coroutine resumes; then the result is lost."""

MOMENTS: tuple[Moment, ...] = ("while it waits", "when the answer has come")


DROPPED_BY_THE_DRIVER = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""The driver's generators wait for a response even after they are dropped, when their connection is already closed."""

INTERRUPTING = [pytest.mark.anyio, pytest.mark.usefixtures("busy_loop"), DROPPED_BY_THE_DRIVER]
"""The marks for a test file that interrupts coroutines."""


@pytest.fixture
def busy_loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make the driver yield to the event loop wherever it can, as it does while the loop is busy."""
    monkeypatch.setattr("psycopg.waiting.MAX_BUSY_TIME", 0.0)
    yield
    gc.collect()  # objects that a test dropped must be finalized within that test


class Interruption:
    """Calls `interrupt` once, at await number `at`. `passed`: that await was reached."""

    def __init__(self, at: int, moment: Moment, interrupt: Callable[[], object]) -> None:
        self.passed = False
        self._left = at
        self._moment = moment
        self._interrupt = interrupt

    def stop(self) -> None:
        """Interrupt nothing from now on."""
        self._left = 0

    def step(self, awaited: "asyncio.Future[Any] | None") -> None:
        self._left -= 1
        if self._left == 0:
            self.passed = True
            if awaited is not None and self._moment == "when the answer has come":
                awaited.add_done_callback(lambda _: self._interrupt())
            else:
                self._interrupt()


class _Counted:
    """Awaits a coroutine and reports every await inside it to `interruption`."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], interruption: Interruption) -> None:
        self._coroutine = coroutine
        self._interruption = interruption

    def __await__(self) -> Generator[Any, Any, Any]:
        error: BaseException | None = None
        while True:
            try:
                awaited = self._coroutine.send(None) if error is None else self._coroutine.throw(error)
            except StopIteration as end:
                return end.value
            self._interruption.step(awaited)
            error = None
            try:
                yield awaited
            except BaseException as thrown:  # noqa: BLE001 -- passed on
                error = thrown


async def _awaited(counted: _Counted) -> Any:  # noqa: ANN401 -- of any coroutine
    return await counted


def counting(
    interruption: Interruption, counts: Callable[[Coroutine[Any, Any, Any]], bool]
) -> Callable[..., "asyncio.Task[Any]"]:
    """Return a task factory that counts the awaits of the coroutines for which `counts` is true."""

    def make(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **more: Any) -> "asyncio.Task[Any]":  # noqa: ANN401
        counted = _awaited(_Counted(coroutine, interruption)) if counts(coroutine) else coroutine
        return asyncio.Task(counted, loop=loop, **more)

    return make


def _is_ours(coroutine: Coroutine[Any, Any, Any]) -> bool:
    """Return whether a caller could cancel this coroutine; callers never cancel the tasks of the pool."""
    return "psycopg_pool" not in str(getattr(getattr(coroutine, "cr_code", None), "co_filename", ""))


def _cancel(running: list["asyncio.Task[object]"]) -> None:
    running[0].cancel()


async def cancelled_everywhere(
    make: Callable[[], Awaitable[object]], moment: Moment, expected: tuple[type[BaseException], ...] = ()
) -> AsyncIterator[int]:
    """Repeatedly run the awaitable that `make` returns, cancelled at its first, second, … await. Yield after each run.

    `expected`: errors that a run may raise instead of the cancellation.
    """
    loop = asyncio.get_running_loop()
    for at in range(1, AWAITS_MAX):
        running: list[asyncio.Task[object]] = []
        interruption = Interruption(at, moment, partial(_cancel, running))

        async def run() -> object:
            return await make()

        loop.set_task_factory(counting(interruption, _is_ours))
        try:
            running.append(asyncio.create_task(run()))
            done, _ = await asyncio.wait(running, timeout=60)
        finally:
            loop.set_task_factory(None)
        assert done, f"it did not end after it was cancelled at await {at}"
        error = None if running[0].cancelled() else running[0].exception()
        if error is not None and not isinstance(error, expected):
            raise error
        if not interruption.passed:
            return
        yield at
    raise AssertionError(f"it has more than {AWAITS_MAX} awaits")
