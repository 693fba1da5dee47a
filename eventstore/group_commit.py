"""Group commit: the only write path of uses.

Those who ask at the same time share one transaction. While a batch is being written the next one fills; there is no
timer. A batch is looked up, decided and written in two round trips, and everyone in it is answered after its commit:
durable before the answer, decided on committed state that was read after the question arrived, and cheap because the
cost is shared.

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
from typing import Generic, Protocol, Self, TypeVar

import structlog
from msgspec import Struct

from domain.usage.events import UsageEvent
from eventstore.errors import Overloaded, UseUnconfirmed
from eventstore.usage_batch import Batch, append_once
from infrastructure.database.connection_settings import left_open
from infrastructure.database.connections import Connection
from infrastructure.database.errors import SUSPECT, UNAVAILABLE, Unavailable

Item = TypeVar("Item")
Reply = TypeVar("Reply")
Result = TypeVar("Result")

_WATCH_SECONDS = 0.1
_RECONNECT_SECONDS = 0.05

_log = structlog.get_logger(__name__)


class ItemResult(Struct, Generic[Reply], frozen=True):
    """The answer to one question, and the event to record for it (None: there is nothing to record)."""

    answer: Reply
    event: UsageEvent | None


class BatchResult(Struct, Generic[Reply], frozen=True):
    """One decision a question, in order, all made at the instant `at`."""

    at: datetime
    decided: Sequence[ItemResult[Reply]]


BatchHandler = Callable[[Connection, Sequence[Item]], Awaitable[BatchResult[Reply]]]
"""Looks up the facts of a batch of questions in one round trip, then decides without I/O.

Without any question it makes the same round trip, for a probe.
"""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What a process takes on at most: questions a batch, questions that wait, seconds that one waits."""

    batch_max: int = 512
    waiting_max: int = 10_000
    deadline_seconds: float = 1.6


@dataclass(slots=True)
class BatchCounters:
    """What happened so far, for metrics."""

    batches: int = 0
    questions: int = 0
    refused: int = 0
    failures: int = 0
    reconnects: int = 0


class BatchObserver(Protocol):
    """Is told of every batch as it happens, for metrics and traces. It must not wait, and must not raise."""

    def recorded(self, events: Sequence[UsageEvent]) -> None:
        """These are durable from now on."""

    def answered(self, questions: int, waited_seconds: float, seconds: float) -> None:
        """A batch was answered `seconds` after its look-up began; its first question had waited until then."""


class NullObserver:
    """Nobody is told."""

    def recorded(self, events: Sequence[UsageEvent]) -> None: ...

    def answered(self, questions: int, waited_seconds: float, seconds: float) -> None: ...


@dataclass(slots=True)
class _Pending(Generic[Item, Reply]):
    question: Item
    reply: asyncio.Future[Reply]
    since: float
    is_sent: bool = False
    """Whether its event may be in the log."""


@dataclass
class GroupCommit(Generic[Item, Reply]):
    """Takes questions from the tasks of one event loop, between `async with`.

    `producer` names this process in the log and must never have been used before. `writers` batches are in flight at
    once, each in a lane of its own; one makes the largest batches (docs/decisions/0005).
    """

    connect: Callable[[], Awaitable[Connection]]
    judge: BatchHandler[Item, Reply]
    producer: str
    writers: int = 1
    bounds: BatchLimits = field(default_factory=BatchLimits)
    counts: BatchCounters = field(default_factory=BatchCounters)
    watch: BatchObserver = field(default_factory=NullObserver)

    def __post_init__(self) -> None:
        self._waiting: deque[_Pending[Item, Reply]] = deque()
        self._arrived = asyncio.Event()
        self._writers = [
            _Writer(self.connect, self.judge, f"{self.producer}-{number}", self.counts, self.watch)
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
        """Answer everyone who still waits, then stop."""
        while self._is_busy and not any(task.done() for task in self._tasks):  # noqa: ASYNC110 -- ends once
            await asyncio.sleep(_RECONNECT_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            await writer.disconnect()

    @property
    def tasks(self) -> Sequence[asyncio.Task[None]]:
        """What has to run for as long as the process does. If one ends, no question may ever be answered again."""
        return self._tasks

    @property
    def waiting(self) -> int:
        """How many wait for a batch, those aside who are in one."""
        return len(self._waiting)

    async def submit(self, question: Item) -> Reply:
        """The reply to `question`, whose event is durable in the log by then.

        Raises `Overloaded` at once when too many wait already, `Unavailable` when the database did not answer in time.
        """
        if len(self._waiting) >= self.bounds.waiting_max:
            self.counts.refused += 1
            raise Overloaded
        loop = asyncio.get_running_loop()
        waiting: _Pending[Item, Reply] = _Pending(question, loop.create_future(), loop.time())
        self._waiting.append(waiting)
        self._arrived.set()
        return await waiting.reply

    async def probe(self) -> None:
        """Return when every writer has made a round trip for this call, as it does for a question.

        Raises `Unavailable` when one cannot, or when the database only reads. Cancel it when it takes too long.
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
                await writer.answer_probes(self.bounds.deadline_seconds)
            size = min(len(self._waiting), self.bounds.batch_max)
            if size:
                await writer.write([self._waiting.popleft() for _ in range(size)], self.bounds.deadline_seconds)

    async def _watch_deadlines(self) -> None:
        """Tell those who waited too long, even while the connection itself hangs."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            oldest = loop.time() - self.bounds.deadline_seconds
            for writer in self._writers:
                _fail([waiting for waiting in writer.in_flight if waiting.since < oldest])
            while self._waiting and self._waiting[0].since < oldest:
                _fail([self._waiting.popleft()])


class _Writer(Generic[Item, Reply]):
    """One connection, one lane, one batch at a time."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        judge: BatchHandler[Item, Reply],
        producer: str,
        counts: BatchCounters,
        watch: BatchObserver,
    ) -> None:
        self.in_flight: Sequence[_Pending[Item, Reply]] = ()
        self.probes: list[asyncio.Future[None]] = []
        self._connect = connect
        self._judge = judge
        self._producer = producer
        self._counts = counts
        self._watch = watch
        self._sequences = count(1)
        self._connection: Connection | None = None

    async def write(self, batch: Sequence[_Pending[Item, Reply]], deadline_seconds: float) -> None:
        """Answer everyone in `batch`, after `deadline_seconds` with a refusal.

        Whatever goes wrong, everyone is answered before anything else is done about it, and the writer goes on.
        """
        self.in_flight = batch
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            async with asyncio.timeout(deadline_seconds):
                await self._process(batch)
            self._watch.answered(len(batch), began - batch[0].since, clock() - began)
        except Exception as error:  # noqa: BLE001 -- if it went on from here, no question would be answered again
            _fail(batch)
            self._counts.failures += 1
            if isinstance(error, UNAVAILABLE):
                _log.warning("log_unavailable", error=type(error).__name__)
            else:
                _log.error("batch_failed", exc_info=error)
            await self.disconnect()
        except BaseException:  # the task ends, and with it everything that could still answer
            _fail(batch)
            raise
        finally:
            self.in_flight = ()

    async def answer_probes(self, deadline_seconds: float) -> None:
        probes, self.probes = self.probes, []
        try:
            async with asyncio.timeout(deadline_seconds):
                await self._persist(lambda connection: _round_trip(connection, self._judge))
            for probed in probes:
                if not probed.done():
                    probed.set_result(None)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it says that no question can be answered
            if not isinstance(error, (*UNAVAILABLE, Unavailable)):
                _log.error("probe_failed", exc_info=error)
            await self.disconnect()
        finally:
            for probed in probes:
                if not probed.done():
                    probed.set_exception(Unavailable())

    async def disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                await connection.close()

    async def _process(self, batch: Sequence[_Pending[Item, Reply]]) -> None:
        try:
            replies = await self._decide_and_append(batch)
        except UNAVAILABLE:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever it is, it must not be everyone's
            await self._bisect(batch, error)
            return
        self._counts.batches += 1
        self._counts.questions += len(batch)
        for waiting, reply in zip(batch, replies, strict=True):
            if not waiting.reply.done():
                waiting.reply.set_result(reply)

    async def _bisect(self, batch: Sequence[_Pending[Item, Reply]], error: Exception) -> None:
        """One question must not fail another: halve until the one that can not be answered stands alone."""
        if len(batch) > 1:
            middle = len(batch) // 2
            await self._process(batch[:middle])
            await self._process(batch[middle:])
            return
        if not batch[0].reply.done():
            batch[0].reply.set_exception(error)
        _log.error("verification_failed", exc_info=error)

    async def _decide_and_append(self, waiting: Sequence[_Pending[Item, Reply]]) -> list[Reply]:
        questions = [each.question for each in waiting]
        judged = await self._persist(lambda connection: self._judge(connection, questions))
        events = [decided.event for decided in judged.decided if decided.event is not None]
        if events:
            for each in waiting:
                each.is_sent = True
            batch = Batch(self._producer, next(self._sequences), judged.at, events)
            await self._persist(lambda connection: append_once(connection, batch))
            self._watch.recorded(events)
        return [decided.answer for decided in judged.decided]

    async def _persist(self, step: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Carry out a step that may be repeated, over a new connection each time the old one breaks.

        An error whose cause may be the connection is given one more chance on a new one: the next batch must not meet
        what an earlier one left open.
        """
        suspected = False
        while True:
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = await self._connect()
                return await step(self._connection)
            except UNAVAILABLE:
                await self._replace()
                await asyncio.sleep(_RECONNECT_SECONDS)
            except SUSPECT:
                await self._replace()
                if suspected:
                    raise
                suspected = True
            finally:
                if self._connection is not None and left_open(self._connection):
                    await self._replace()

    async def _replace(self) -> None:
        self._counts.reconnects += 1
        await self.disconnect()


async def _round_trip(connection: Connection, judge: BatchHandler[Item, Reply]) -> None:
    await judge(connection, ())
    row = await (await connection.execute("select current_setting('transaction_read_only')")).fetchone()
    if row != ("off",):
        raise Unavailable


def _fail(batch: Sequence[_Pending[Item, Reply]]) -> None:
    for waiting in batch:
        if not waiting.reply.done():
            waiting.reply.set_exception(UseUnconfirmed() if waiting.is_sent else Unavailable())
