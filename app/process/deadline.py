"""A wait that ends on time, also when what is waited for can not be stopped.

To cancel a statement the driver asks the server, and a server that hangs does not answer that either. So whoever runs
out of patience leaves: the work is told to stop and ends by itself, whenever it can.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_left_behind: set[asyncio.Task[Any]] = set()
"""Those that still run: the event loop alone does not keep them."""


async def with_deadline(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """What `work` gives, or `TimeoutError` after `seconds`, without waiting for it to stop."""
    task = asyncio.create_task(work)
    _left_behind.add(task)
    task.add_done_callback(_forget)
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
    """Tell `task` to stop, if it still runs, and do not wait for that."""
    if not task.done():
        _left_behind.add(task)
        task.cancel()
    task.add_done_callback(_forget)


def _forget(task: asyncio.Task[Any]) -> None:
    _left_behind.discard(task)
    if not task.cancelled():
        task.exception()  # of one that was not waited for nobody else asks
