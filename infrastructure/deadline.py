"""A hard deadline for work that may ignore its cancellation.

psycopg cancels a statement by asking the server, and a hung server ignores that request too. At the deadline the work
is therefore cancelled and abandoned: it ends in the background, whenever it can.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_abandoned: set[asyncio.Task[Any]] = set()
"""Tasks that still run. The event loop holds only weak references to its tasks."""


async def with_deadline(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of `work`, or raise `TimeoutError` after `seconds` without waiting for `work` to stop."""
    task = asyncio.create_task(work)
    _abandoned.add(task)
    task.add_done_callback(_discard)
    try:
        done, _ = await asyncio.wait([task], timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not done:
        task.cancel()
        raise TimeoutError
    return task.result()


def abandon(task: asyncio.Task[Any]) -> None:
    """Cancel `task` if it still runs, without waiting for it to end."""
    if not task.done():
        _abandoned.add(task)
        task.cancel()
    task.add_done_callback(_discard)


def _discard(task: asyncio.Task[Any]) -> None:
    _abandoned.discard(task)
    if not task.cancelled():
        task.exception()  # otherwise asyncio logs that the exception was never retrieved
