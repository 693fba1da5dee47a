"""Carry out what a request changes, and say truthfully what became of it when the time is over.

Before the commit is sent, a deadline ends the work: nothing was changed. After that only the log knows, so the request
waits for the confirmation and looks into the log at the same time. It fails with an unknown outcome only where neither
answers in time.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from app.process.deadline import abandon, with_deadline
from app.services import Services
from eventstore.errors import ConcurrentChange, PartlyDone
from eventstore.execute import Change, Write, execute
from eventstore.idempotency import StoredResponse
from eventstore.outcome import Attempt, Outcome
from infrastructure.database.errors import UNAVAILABLE, Unavailable, Unconfirmed
from projections.engine.inline import INLINE

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E")
F = TypeVar("F")
T = TypeVar("T")

_AGAIN_SECONDS = 0.1
_MOVED = (
    "A part of the change was made before someone else changed the same thing, or the key that asks for it. Repeat the"
    " request: it does what is left."
)


async def carry_out(services: Services, write: Write[S, C, E, F]) -> Change[S, E] | StoredResponse:
    """Carry out `write`. Raises `Unavailable` where nothing was changed, `Unconfirmed` where that is not known."""
    attempt = Attempt()
    work = execute(services.pool, write, INLINE, attempt)
    try:
        return await settled(services, write.organization_id, attempt, work)
    except Unconfirmed as error:
        raise Unconfirmed(resource_id=write.stream_id) from error


async def settled(services: Services, organization_id: str, attempt: Attempt, work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` returns, or would have returned had its commit been confirmed in time.

    `work` tells `attempt` before it sends its commit. A connection, then locks: it gets twice the patience of a request
    for that, and half as much again to find out what became of a commit that was sent.
    """
    patience = services.config.request_timeout_seconds
    task = asyncio.create_task(_translated(work))
    try:
        done, _ = await asyncio.wait([task], timeout=2 * patience)
        if not done and attempt.abandon():
            raise Unavailable
        if done and not _is_unconfirmed(task):
            return task.result()
        return await _found_out(services, organization_id, attempt, task)
    finally:
        abandon(task)


@contextmanager
def step_by_step(done: Callable[[], object]) -> Generator[None]:
    """Work of several transactions: once `done` is true, a failure leaves a part of it."""
    try:
        yield
    except ConcurrentChange as error:
        if not done():
            raise
        raise PartlyDone(_MOVED) from error
    except (Unavailable, *UNAVAILABLE) as error:
        if isinstance(error, Unconfirmed) or not done():
            raise
        raise PartlyDone from error


async def _translated(work: Coroutine[Any, Any, T]) -> T:
    try:
        return await work
    except UNAVAILABLE as error:
        raise Unavailable from error


async def _found_out(services: Services, organization_id: str, attempt: Attempt, task: "asyncio.Task[T]") -> T:
    """The confirmation and the log are waited for together: whichever comes first is the truth."""
    looking = asyncio.create_task(_looked_up(services, organization_id, attempt))
    loop = asyncio.get_running_loop()
    ends = loop.time() + services.config.request_timeout_seconds
    waiting: set[asyncio.Task[Any]] = {looking} if task.done() else {looking, task}
    try:
        while waiting and (left := ends - loop.time()) > 0:
            done, waiting = await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if task in done and not _is_unconfirmed(task):
                return task.result()
            if looking in done and looking.result() == "made":
                return cast("T", attempt.result)
            if looking in done and looking.result() == "not_made":
                raise Unavailable
    finally:
        abandon(looking)
    raise Unconfirmed


async def _looked_up(services: Services, organization_id: str, attempt: Attempt) -> Outcome:
    """Look until there is an answer: the connection may come back in time."""
    while True:
        try:
            outcome = await with_deadline(
                services.config.request_timeout_seconds, attempt.outcome(services.pool, organization_id)
            )
        except TimeoutError:
            outcome = "unknown"
        if outcome != "unknown" or not attempt.can_be_proved:
            return outcome
        await asyncio.sleep(_AGAIN_SECONDS)


def _is_unconfirmed(task: "asyncio.Task[Any]") -> bool:
    return task.cancelled() or isinstance(task.exception(), Unconfirmed)
