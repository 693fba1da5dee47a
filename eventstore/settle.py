"""Wait for a transaction until its deadline, and then find out its outcome.

Before the commit is sent, the deadline ends the work and nothing was changed. After it was sent, only the log shows the
outcome. The caller then waits for the confirmation and reads the log concurrently. The outcome is unknown only if
neither responds in time.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar, cast

from eventstore.outcome import Attempt, Outcome
from infrastructure.database.connections import Pool
from infrastructure.database.errors import UNAVAILABLE, Unavailable, Unconfirmed
from infrastructure.deadline import abandon, with_deadline

T = TypeVar("T")

_RETRY_SECONDS = 0.1


async def settle(
    pool: Pool, organization_id: str, attempt: Attempt, work: Coroutine[Any, Any, T], timeout_seconds: float
) -> T:
    """Return what `work` returns, or would have returned if its commit had been confirmed in time.

    `work` reports to `attempt` before it sends its commit. It may wait for a connection and then for locks, so it gets
    twice `timeout_seconds`. A commit that was sent is looked up for `timeout_seconds` more. Raises `Unavailable` if
    nothing was changed and `Unconfirmed` if that is unknown.
    """
    task = asyncio.create_task(_translate(work))
    try:
        done, _ = await asyncio.wait([task], timeout=2 * timeout_seconds)
        if not done and attempt.abandon():
            raise Unavailable
        if done and not _is_unconfirmed(task):
            return task.result()
        return await _find_out(pool, organization_id, attempt, task, timeout_seconds)
    finally:
        abandon(task)


async def _translate(work: Coroutine[Any, Any, T]) -> T:
    try:
        return await work
    except UNAVAILABLE as error:
        raise Unavailable from error


async def _find_out(
    pool: Pool, organization_id: str, attempt: Attempt, task: "asyncio.Task[T]", timeout_seconds: float
) -> T:
    """Wait for the confirmation and for the log concurrently. The first response decides."""
    lookup = asyncio.create_task(_look_up(pool, organization_id, attempt, timeout_seconds))
    loop = asyncio.get_running_loop()
    ends = loop.time() + timeout_seconds
    waiting: set[asyncio.Task[Any]] = {lookup} if task.done() else {lookup, task}
    try:
        while waiting and (left := ends - loop.time()) > 0:
            done, waiting = await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if task in done and not _is_unconfirmed(task):
                return task.result()
            if lookup in done and lookup.result() == "committed":
                return cast("T", attempt.result)
            if lookup in done and lookup.result() == "not_committed":
                raise Unavailable
    finally:
        abandon(lookup)
    raise Unconfirmed


async def _look_up(pool: Pool, organization_id: str, attempt: Attempt, timeout_seconds: float) -> Outcome:
    """Retry until the log responds, because the connection may come back in time."""
    while True:
        try:
            outcome = await with_deadline(timeout_seconds, attempt.outcome(pool, organization_id))
        except TimeoutError:
            outcome = "unknown"
        if outcome != "unknown" or not attempt.can_be_proved:
            return outcome
        await asyncio.sleep(_RETRY_SECONDS)


def _is_unconfirmed(task: "asyncio.Task[Any]") -> bool:
    return task.cancelled() or isinstance(task.exception(), Unconfirmed)
