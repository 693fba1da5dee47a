"""Interrupts a coroutine at its n-th await, as a deadline does that happens to pass there.

Every await counts at which the event loop may turn to something else, in the coroutine and in the tasks that it starts.
Tests repeat with n = 1, 2, 3, … until the coroutine comes to its end before it is interrupted.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterator
from functools import partial
from typing import Any, Literal

import pytest

AWAITS_MAX = 2_000

Moment = Literal["while it waits", "when the answer has come"]
"""Interrupted before what is awaited is there, or after, but before the coroutine goes on: then the answer is lost."""

MOMENTS: tuple[Moment, ...] = ("while it waits", "when the answer has come")


DROPPED_BY_THE_DRIVER = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""The driver's generators wait for an answer also when they are dropped, and their connection is closed by then."""

INTERRUPTING = [pytest.mark.anyio, pytest.mark.usefixtures("busy_loop"), DROPPED_BY_THE_DRIVER]
"""The marks of a test file that interrupts coroutines."""


@pytest.fixture
def busy_loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The driver lets the event loop turn to others wherever it may, as it does while the loop is busy."""
    monkeypatch.setattr("psycopg.waiting.MAX_BUSY_TIME", 0.0)
    yield
    gc.collect()  # what a test dropped is that test's


class Interruption:
    """Calls `interrupt` at await number `at`, once. `passed`: it came to that."""

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
    """Awaits a coroutine and tells `interruption` of every await inside it."""

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
            except BaseException as thrown:  # noqa: BLE001 -- handed on
                error = thrown


async def _awaited(counted: _Counted) -> Any:  # noqa: ANN401 -- of any coroutine
    return await counted


def counting(
    interruption: Interruption, counts: Callable[[Coroutine[Any, Any, Any]], bool]
) -> Callable[..., "asyncio.Task[Any]"]:
    """A task factory: of the tasks that it makes those whose coroutine `counts` are counted."""

    def make(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **more: Any) -> "asyncio.Task[Any]":  # noqa: ANN401
        counted = _awaited(_Counted(coroutine, interruption)) if counts(coroutine) else coroutine
        return asyncio.Task(counted, loop=loop, **more)

    return make


def _is_ours(coroutine: Coroutine[Any, Any, Any]) -> bool:
    """Not a task of the pool, which no caller cancels."""
    return "psycopg_pool" not in str(getattr(getattr(coroutine, "cr_code", None), "co_filename", ""))


def _cancel(running: list["asyncio.Task[object]"]) -> None:
    running[0].cancel()


async def cancelled_everywhere(
    make: Callable[[], Awaitable[object]], moment: Moment, expected: tuple[type[BaseException], ...] = ()
) -> AsyncIterator[int]:
    """Run what `make` gives again and again, cancelled at the first, second, … await; yields after each.

    `expected`: errors with which it may end as well as with the cancellation.
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
        assert done, f"cancelled at await {at}, it does not end"
        error = None if running[0].cancelled() else running[0].exception()
        if error is not None and not isinstance(error, expected):
            raise error
        if not interruption.passed:
            return
        yield at
    raise AssertionError(f"it has more than {AWAITS_MAX} awaits")
