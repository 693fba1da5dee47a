"""Group commit: the only write path of uses.

Concurrent items share one transaction. The next batch fills while the previous one is being written; there is no timer.
A batch is loaded, decided and written in exactly two round trips (`infrastructure/database/pipeline.py`), and each of
its items gets its result after the commit. Therefore a result is durable, it depends on committed state that was read
after the item arrived, and the items share the cost.

A batch whose commit was not confirmed is looked up by (producer, sequence) and never written twice.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar, cast

import structlog
from msgspec import Struct

from domain.usage.events import UsageEvent
from eventstore.errors import Overloaded, UseUnconfirmed
from eventstore.usage_batch import Batch, append_once
from infrastructure.clock import new_event_ids, now
from infrastructure.database.errors import SUSPECT, UNAVAILABLE, Unavailable
from infrastructure.database.pipeline import Pipeline
from infrastructure.database.prepared import PreparedStatement
from infrastructure.database.queries import SQL

Item = TypeVar("Item")
Reply = TypeVar("Reply")
Result = TypeVar("Result")
Reply_contra = TypeVar("Reply_contra", contravariant=True)

_WATCH_SECONDS = 0.1
_RECONNECT_SECONDS = 0.05

_READ_ONLY = PreparedStatement.of("read_only", SQL.read_only)

_log = structlog.get_logger(__name__)


class ItemResult(Struct, Generic[Reply], frozen=True):
    """The result of one item, and the event to record for it. The event is None if there is nothing to record."""

    result: Reply
    event: UsageEvent | None


class BatchResult(Struct, Generic[Reply], frozen=True):
    """One result for each item, in order. All are decided at the instant `at`."""

    at: datetime
    results: Sequence[ItemResult[Reply]]


BatchHandler = Callable[[Pipeline, Sequence[Item]], Awaitable[BatchResult[Reply]]]
"""Loads what a batch of items needs in one round trip, then decides without I/O.

An empty batch makes the same round trip, for a probe.
"""

EventFactory = Callable[[datetime, str], UsageEvent]
"""Returns an event with the instant of its batch and a new id."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """The maximum items in a batch, the maximum that wait, and the seconds after which a waiting item is refused."""

    batch_max: int = 512
    waiting_max: int = 10_000
    deadline_seconds: float = 1.6


@dataclass(slots=True)
class BatchCounters:
    """Totals for metrics since the process started."""

    batches: int = 0
    items: int = 0
    rejected: int = 0
    failures: int = 0
    reconnects: int = 0


class BatchObserver(Protocol):
    """Observes every batch, for metrics and traces. It must neither wait nor raise."""

    def recorded(self, events: Sequence[UsageEvent]) -> None:
        """Called when `events` are durable."""

    def completed(self, items: int, waited_seconds: float, seconds: float) -> None:
        """Called when a batch of `items` was processed in `seconds`.

        Its first item had waited `waited_seconds` before that.
        """


class NullObserver:
    """Observes nothing."""

    def recorded(self, events: Sequence[UsageEvent]) -> None: ...

    def completed(self, items: int, waited_seconds: float, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class _Recording:
    """An item that is only recorded. There is nothing to decide."""

    make_event: EventFactory


class Receiver(Protocol[Reply_contra]):
    """Gets the outcome of one item. A future is one. An error that it raises is logged."""

    def done(self) -> bool:
        """Return whether the receiver has its outcome, or does not want it any more."""
        ...

    def set_result(self, result: Reply_contra, /) -> None:
        """Called once, after the event of the item is durable."""
        ...

    def set_exception(self, exception: Exception, /) -> None:
        """Called once instead of `set_result`: `Unavailable`, `UseUnconfirmed`, or a defect."""
        ...


@dataclass(slots=True)
class _Breakable:
    """A batch in progress, in the task that waits for it. `started`: by the clock of the event loop."""

    task: asyncio.Task[object]
    started: float
    is_broken: bool = False


@dataclass(slots=True)
class _Pending(Generic[Item, Reply]):
    item: Item | _Recording
    receiver: Receiver[Reply]
    since: float
    is_sent: bool = False
    """Whether its event may be in the log."""


@dataclass
class GroupCommit(Generic[Item, Reply]):
    """Accepts items from the tasks of one event loop, between `async with`.

    `producer` names this process in the log and must never have been used before. `writers` batches are in flight
    concurrently, each in a separate lane; one writer makes the largest batches (docs/decisions/0005).
    """

    connect: Callable[[], Awaitable[Pipeline]]
    handler: BatchHandler[Item, Reply]
    producer: str
    writers: int = 1
    limits: BatchLimits = field(default_factory=BatchLimits)
    counters: BatchCounters = field(default_factory=BatchCounters)
    observer: BatchObserver = field(default_factory=NullObserver)

    def __post_init__(self) -> None:
        self._waiting: deque[_Pending[Item, Reply]] = deque()
        self._arrived = asyncio.Event()
        self._writers = [
            _Writer(self.connect, self.handler, f"{self.producer}-{number}", self.counters, self.observer)
            for number in range(self.writers)
        ]
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(self._dispatch(writer), name=f"group commit {number}")
            for number, writer in enumerate(self._writers)
        ]
        self._tasks.append(asyncio.create_task(self._watch_deadlines(), name="group commit deadlines"))
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Process every waiting item, then stop."""
        while self._is_busy and not any(task.done() for task in self._tasks):  # noqa: ASYNC110 -- ends once
            await asyncio.sleep(_RECONNECT_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            await writer.disconnect()

    @property
    def tasks(self) -> Sequence[asyncio.Task[None]]:
        """Return the tasks that must run as long as the process. If one ends, items may never be processed."""
        return self._tasks

    @property
    def waiting(self) -> int:
        """Return the number of items that wait for a batch, without those in a batch."""
        return len(self._waiting)

    async def submit(self, item: Item) -> Reply:
        """Return the result of `item` after its event is durable.

        Raises `Overloaded` immediately when too many items wait, `Unavailable` when the database did not respond in
        time, and `UseUnconfirmed` when the event may be in the log.
        """
        result: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.enqueue(item, result)
        return await result

    def enqueue(self, item: Item, receiver: Receiver[Reply]) -> None:
        """Like `submit`, without a task that waits: `receiver` gets the outcome. Raises `Overloaded` immediately."""
        self._append(_Pending(item, receiver, asyncio.get_running_loop().time()))

    async def record(self, make_event: EventFactory) -> None:
        """Record an event with the next batch, and return when it is durable. Raises the same errors as `submit`."""
        loop = asyncio.get_running_loop()
        recorded: asyncio.Future[Reply] = loop.create_future()
        self._append(_Pending(_Recording(make_event), recorded, loop.time()))
        await recorded

    def _append(self, pending: "_Pending[Item, Reply]") -> None:
        if len(self._waiting) >= self.limits.waiting_max:
            self.counters.rejected += 1
            raise Overloaded
        self._waiting.append(pending)
        self._arrived.set()

    async def probe(self) -> None:
        """Return after every writer has made a round trip for this call, as it does for an item.

        Raises `Unavailable` when a writer cannot do so, or when the database is read-only. The caller cancels it when
        it takes too long.
        """
        loop = asyncio.get_running_loop()
        probes = [loop.create_future() for _ in self._writers]
        for writer, probed in zip(self._writers, probes, strict=True):
            writer.probes.append(probed)
        self._arrived.set()
        await asyncio.gather(*probes)

    @property
    def _is_busy(self) -> bool:
        return bool(self._waiting) or any(writer.in_flight for writer in self._writers)

    async def _dispatch(self, writer: "_Writer[Item, Reply]") -> None:
        while True:
            while not self._waiting and not writer.probes:
                self._arrived.clear()
                await self._arrived.wait()
            if writer.probes:
                await writer.answer_probes(self.limits.deadline_seconds)
            size = min(len(self._waiting), self.limits.batch_max)
            if size:
                await writer.write([self._waiting.popleft() for _ in range(size)])

    async def _watch_deadlines(self) -> None:
        """Refuse items that waited too long, and break batches that take too long, even if the connection hangs."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            oldest = loop.time() - self.limits.deadline_seconds
            for writer in self._writers:
                _fail([waiting for waiting in writer.in_flight if waiting.since < oldest])
                writer.break_batch(oldest)
            while self._waiting and self._waiting[0].since < oldest:
                _fail([self._waiting.popleft()])


class _Writer(Generic[Item, Reply]):
    """One connection, one lane, one batch at a time."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Pipeline]],
        handler: BatchHandler[Item, Reply],
        producer: str,
        counters: BatchCounters,
        observer: BatchObserver,
    ) -> None:
        self.in_flight: Sequence[_Pending[Item, Reply]] = ()
        self.probes: list[asyncio.Future[None]] = []
        self._connect = connect
        self._handle = handler
        self._producer = producer
        self._counters = counters
        self._observer = observer
        self._sequences = count(1)
        self._pipeline: Pipeline | None = None
        self._breakable: _Breakable | None = None

    async def write(self, batch: Sequence[_Pending[Item, Reply]]) -> None:
        """Give every item of `batch` its result, or an error if `break_batch` is called.

        On any error, every item gets an outcome before anything else happens, and the writer continues.
        """
        self.in_flight = batch
        clock = asyncio.get_running_loop().time
        started = clock()
        try:
            await self._process_until_broken(batch, started)
            self._observer.completed(len(batch), started - batch[0].since, clock() - started)
        except Exception as error:  # noqa: BLE001 -- if it left this task, no item would be processed again
            _fail(batch)
            self._counters.failures += 1
            if isinstance(error, UNAVAILABLE):
                _log.warning("log_unavailable", error=type(error).__name__)
            else:
                _log.error("batch_failed", exc_info=error)
            await self.disconnect()
        except BaseException:  # the task ends, and no other code could give the items an outcome
            _fail(batch)
            raise
        finally:
            self.in_flight = ()

    def break_batch(self, oldest: float) -> None:
        """End the batch in progress with `TimeoutError` if it started before `oldest`, at whatever it waits for.

        A deadline that the event loop keeps for each batch would cost a timer per batch, and none of them passes.
        """
        running = self._breakable
        if running is not None and not running.is_broken and running.started < oldest:
            running.is_broken = True
            running.task.cancel()

    async def _process_until_broken(self, batch: Sequence[_Pending[Item, Reply]], started: float) -> None:
        """Process the batch. Raise `TimeoutError` if it is broken, as `asyncio.timeout` does."""
        task = cast("asyncio.Task[object]", asyncio.current_task())
        running = self._breakable = _Breakable(task, started)
        try:
            await self._process(batch)
        except asyncio.CancelledError:
            # Another cancellation may have come as well: then the task ends.
            if running.is_broken and task.cancelling() == 1:
                raise TimeoutError from None
            raise
        finally:
            self._breakable = None
            if running.is_broken:
                task.uncancel()

    async def answer_probes(self, deadline_seconds: float) -> None:
        probes, self.probes = self.probes, []
        try:
            async with asyncio.timeout(deadline_seconds):
                await self._persist(lambda pipeline: _round_trip(pipeline, self._handle))
            for probed in probes:
                if not probed.done():
                    probed.set_result(None)
        except Exception as error:  # noqa: BLE001 -- any error means that no item can be processed
            if not isinstance(error, (*UNAVAILABLE, Unavailable)):
                _log.error("probe_failed", exc_info=error)
            await self.disconnect()
        finally:
            for probed in probes:
                if not probed.done():
                    probed.set_exception(Unavailable())

    async def disconnect(self) -> None:
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            with suppress(Exception):
                await pipeline.close()

    async def _process(self, batch: Sequence[_Pending[Item, Reply]]) -> None:
        try:
            results = await self._decide_and_append(batch)
        except UNAVAILABLE:
            raise
        except Exception as error:  # noqa: BLE001 -- no error of one item may fail the others
            await self._bisect(batch, error)
            return
        self._counters.batches += 1
        self._counters.items += len(batch)
        for pending, result in zip(batch, results, strict=True):
            # A recording has no result. Its caller only waits.
            _deliver(pending.receiver, cast("Reply", result))

    async def _bisect(self, batch: Sequence[_Pending[Item, Reply]], error: Exception) -> None:
        """Halve the batch until the item that cannot be processed is alone, so that it fails no other item."""
        if len(batch) > 1:
            middle = len(batch) // 2
            await self._process(batch[:middle])
            await self._process(batch[middle:])
            return
        _refuse(batch[0].receiver, error)
        _log.error("verification_failed", exc_info=error)

    async def _decide_and_append(self, pending: Sequence[_Pending[Item, Reply]]) -> list[Reply | None]:
        at, processed = await self._decide([each.item for each in pending])
        events = [each.event for each in processed if each.event is not None]
        if events:
            for each in pending:
                each.is_sent = True
            batch = Batch(self._producer, next(self._sequences), at, events)
            await self._persist(lambda pipeline: append_once(pipeline, batch))
            self._observer.recorded(events)
        return [each.result for each in processed]

    async def _decide(self, items: Sequence[Item | _Recording]) -> tuple[datetime, list[ItemResult[Reply | None]]]:
        to_decide = [item for item in items if not isinstance(item, _Recording)]
        if to_decide:
            decided = await self._persist(lambda pipeline: self._handle(pipeline, to_decide))
        else:
            decided = BatchResult[Reply](now(), ())
        ids = iter(new_event_ids(len(items) - len(to_decide), decided.at))
        results = iter(decided.results)
        return decided.at, [
            ItemResult[Reply | None](None, item.make_event(decided.at, next(ids)))
            if isinstance(item, _Recording)
            else cast("ItemResult[Reply | None]", next(results))
            for item in items
        ]

    async def _persist(self, step: Callable[[Pipeline], Awaitable[Result]]) -> Result:
        """Run a repeatable step, on a new connection each time the previous one breaks.

        An error that the connection may have caused gets one more attempt on a new one, because an earlier batch may
        have left a transaction open.
        """
        suspected = False
        while True:
            try:
                if self._pipeline is None or self._pipeline.closed:
                    self._pipeline = await self._connect()
                return await step(self._pipeline)
            except UNAVAILABLE:
                await self._replace()
                await asyncio.sleep(_RECONNECT_SECONDS)
            except SUSPECT:
                await self._replace()
                if suspected:
                    raise
                suspected = True
            finally:
                # The next batch would continue in a transaction that a handler has left open.
                if self._pipeline is not None and not self._pipeline.closed and not self._pipeline.is_idle:
                    await self._replace()

    async def _replace(self) -> None:
        self._counters.reconnects += 1
        await self.disconnect()


async def _round_trip(pipeline: Pipeline, handler: BatchHandler[Item, Reply]) -> None:
    await handler(pipeline, ())
    (mode,) = await pipeline.run(_READ_ONLY.call())
    if mode.get_value(0, 0) != b"off":
        raise Unavailable


def _fail(batch: Sequence[_Pending[Item, Reply]]) -> None:
    for pending in batch:
        _refuse(pending.receiver, UseUnconfirmed() if pending.is_sent else Unavailable())


def _deliver(receiver: Receiver[Reply], result: Reply) -> None:
    """Give the result of an item. An error of its receiver must not reach the other items of the batch."""
    try:
        if not receiver.done():
            receiver.set_result(result)
    except Exception as error:  # noqa: BLE001 -- any defect of the receiver
        _log.error("receiver_failed", exc_info=error)


def _refuse(receiver: Receiver[Reply], reason: Exception) -> None:
    """Like `_deliver`, for an item without a result."""
    try:
        if not receiver.done():
            receiver.set_exception(reason)
    except Exception as error:  # noqa: BLE001 -- any defect of the receiver
        _log.error("receiver_failed", exc_info=error)
