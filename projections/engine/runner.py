"""Runner of async projections: read the next page of a lane, apply it, and advance the checkpoint.

One transaction does all three. It starts by locking the checkpoint of the lane, and advances it by compare-and-swap.
Therefore any number of runners can work concurrently, be killed at any line or run twice: each position is applied
once. A lane that cannot continue (a gap, or an event that cannot be applied) stops at that position, and the other
lanes continue; see `projections/engine/stopped_lanes.py`.

A version of a read model that is made next to the live one (`projections/engine/rebuild`) has tables with the same
names in a separate schema. The same statements serve both through the search path of the connection, so the live
version needs no version number in its queries. The version whose tables are in `public` is the live one.
"""

from bisect import bisect_right
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import psycopg

from eventstore.errors import Corruption
from eventstore.lanes import LANES
from eventstore.reader import PositionGap
from infrastructure.database.connections import Connection
from infrastructure.database.statements import load
from projections.engine.batch_size import AdaptiveBatchSize
from projections.engine.stopped_lanes import clear_stop, record_stop, skipped_positions, stopped_in

T = TypeVar("T")

Log = Literal["lifecycle", "usage"]

LIVE = "public"
"""The schema of the live version."""


class _Queries(NamedTuple):
    checkpoints_ensure: bytes
    lags: bytes
    live_version: bytes
    usage_waits_since: bytes
    checkpoint_lock: bytes
    checkpoint_advance: bytes


_SQL = load(_Queries, __file__, "runner.sql")


async def _no_side_effects(_connection: Connection, _page: Sequence[Any]) -> None:
    """Write nothing: most read models have no side effects."""


@dataclass(frozen=True, slots=True)
class AsyncProjection(Generic[T]):
    """A read model that follows `log`. `version` is the number of its first tables.

    `read(connection, lane, after)` returns the next page of a lane, one item per position. `apply(connection, page)`
    writes what follows from the page. `side_effects` writes what must happen once, such as an entry of an outbox. A
    version that is derived next to the live one skips it. All of them run in the transaction that advances the
    checkpoint. With `batch_size`, a page is no larger than this process has learned to apply in time. Without it, a
    page is as large as `read` returns it.
    """

    name: str
    version: int
    log: Log
    read: Callable[[Connection, int, int], Awaitable[Sequence[T]]]
    apply: Callable[[Connection, Sequence[T]], Awaitable[None]]
    side_effects: Callable[[Connection, Sequence[T]], Awaitable[None]] = _no_side_effects
    batch_size: AdaptiveBatchSize | None = field(default=None, compare=False)


class Lag(NamedTuple):
    """The end of a lane and the position of a read model in it. `head` is None if the lane has no head row."""

    lane: int
    position: int
    head: int | None

    @property
    def behind(self) -> int:
        """Return the number of positions still to be applied. It is never negative."""
        return max((self.head or 0) - self.position, 0)

    @property
    def problem(self) -> str | None:
        if self.head is None:
            return "the lane has no head"
        if self.position > self.head:
            return f"its checkpoint is {self.position}, and the lane ends at {self.head}"
        return None


@dataclass(slots=True)
class RunResult:
    """The result of a run: applied positions, whether some are left, why lanes stopped, and which were delayed.

    A lane is delayed for a temporary reason, such as a lock that was not available in time.
    """

    applied: int = 0
    unfinished: bool = False
    stopped: dict[int, str] = field(default_factory=dict[int, str])
    delayed: dict[int, str] = field(default_factory=dict[int, str])


async def lags(connection: Connection, projection: AsyncProjection[T], schema: str = LIVE) -> list[Lag]:
    """Return the lag of each lane, all in one snapshot."""
    cursor = await connection.execute(_SQL.lags, (projection.name, projection.log, schema, LANES))
    return [Lag(*row) for row in await cursor.fetchall()]


async def live_version(connection: Connection, projection: AsyncProjection[T]) -> int:
    """Return the version that readers use."""
    row = await (await connection.execute(_SQL.live_version, (projection.name,))).fetchone()
    return projection.version if row is None or row[0] is None else int(row[0])


async def usage_waits_since(connection: Connection, projection: AsyncProjection[T]) -> datetime | None:
    """Return when the oldest usage batch that is not applied yet was written, or None if all are applied."""
    cursor = await connection.execute(_SQL.usage_waits_since, (projection.name,))
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def blocked_by(connection: Connection, projection: AsyncProjection[T], lag: Lag) -> str | None:
    """Return why the lane cannot be read on, or None if it can or nothing is left in it."""
    if lag.problem or not lag.behind:
        return lag.problem
    try:
        page = await projection.read(connection, lag.lane, lag.position)
    except Corruption as corruption:
        return str(corruption)
    return None if page else str(_missing_end(projection, lag.lane, lag.position, lag.head))


async def ensure_checkpoints(connection: Connection, projection: AsyncProjection[T]) -> None:
    """Create the missing checkpoints of the live version, one for every lane."""
    key = {"projection": projection.name, "version": projection.version, "log": projection.log}
    await connection.execute(_SQL.checkpoints_ensure, {**key, "lanes": LANES})


async def run_projection(
    connection: Connection,
    projection: AsyncProjection[T],
    seconds: float,
    *,
    schema: str = LIVE,
    until: Mapping[int, int] | None = None,
) -> RunResult:
    """Apply new positions, one page per lane in turn, until none is left or `seconds` have passed.

    `connection` must be in autocommit mode, and its search path must start with `schema`. `until` limits the positions
    by lane, and lanes that it does not name are skipped. Raises the driver's error when the connection breaks.
    """
    deadline = monotonic() + seconds
    if schema == LIVE:
        await ensure_checkpoints(connection, projection)
    run = _Runner(
        connection,
        projection,
        schema,
        until,
        skipped=await skipped_positions(connection, projection.name, projection.log),
        stopped_before=await stopped_in(connection, projection.name, projection.log, schema),
    )
    result = run.result
    while True:
        before = result.applied
        for lag in await lags(connection, projection, schema):
            if lag.lane in result.stopped or lag.lane in result.delayed:
                continue
            if lag.problem:
                await run.stop(lag.lane, lag.problem)
            elif run.end_of(lag) > lag.position:
                if monotonic() >= deadline:
                    result.unfinished = True
                    return result
                await run.step(lag)
        if result.applied == before:
            return result


@dataclass(slots=True)
class _Runner(Generic[T]):
    """One run of one version. `stopped_before` are the lanes that had stopped at the end of the previous run."""

    connection: Connection
    projection: AsyncProjection[T]
    schema: str
    until: Mapping[int, int] | None
    skipped: Mapping[int, list[int]]
    stopped_before: set[int]
    result: RunResult = field(default_factory=RunResult)

    def end_of(self, lag: Lag) -> int:
        """Return the last position to apply."""
        head = lag.head or 0
        return head if self.until is None else min(head, self.until.get(lag.lane, 0))

    async def step(self, lag: Lag) -> None:
        """Apply one page of one lane, or the part before a position that cannot be applied.

        A page that fails as a whole is retried in halves, so that a single position stops the lane and can be named. A
        page that took too long is halved, too.
        """
        batch_size = self.projection.batch_size
        most = 1 if lag.lane in self.stopped_before else batch_size and batch_size.most
        while True:
            page = _Page(most)
            started = monotonic()
            try:
                async with self.connection.transaction():
                    self.result.applied += await self._apply(lag, page)
                if batch_size and page.size:
                    batch_size.record(page.size, monotonic() - started)
            except Exception as error:
                if self.connection.closed:
                    raise
                too_long = isinstance(error, psycopg.errors.QueryCanceled) and page.size > 1
                if isinstance(error, psycopg.OperationalError) and not too_long:
                    self.result.delayed[lag.lane] = _first_line(error)
                    return
                if too_long and batch_size:
                    batch_size.too_large(page.size)
                if page.size > 1:
                    most = page.size // 2
                    continue
                await self.stop(lag.lane, _first_line(error))
            return

    async def stop(self, lane: int, reason: str) -> None:
        self.result.stopped[lane] = reason
        projection = self.projection
        await record_stop(self.connection, projection.name, projection.log, lane, self.schema, reason)

    async def _apply(self, lag: Lag, page: "_Page") -> int:
        projection, connection = self.projection, self.connection
        key = (projection.name, projection.log, lag.lane, self.schema)
        row = await (await connection.execute(_SQL.checkpoint_lock, key)).fetchone()
        if row is None:
            return 0
        version, position = row
        remaining = self.end_of(lag) - position
        if remaining <= 0:
            return 0
        if self._next_skipped(lag.lane, position) == position + 1:
            applied = 1
        else:
            applied = await self._apply_page(lag, position, remaining, page)
        where = (projection.name, version, projection.log, lag.lane)
        cursor = await connection.execute(_SQL.checkpoint_advance, (position + applied, *where, position))
        if cursor.rowcount != 1:
            raise Corruption(f"{projection.log} lane {lag.lane}: its checkpoint moved although it was locked")
        if lag.lane in self.stopped_before:
            await clear_stop(connection, *where)
            self.stopped_before.discard(lag.lane)
        return applied

    async def _apply_page(self, lag: Lag, position: int, remaining: int, page: "_Page") -> int:
        projection = self.projection
        read = await projection.read(self.connection, lag.lane, position)
        if not read:
            raise _missing_end(projection, lag.lane, position, lag.head)
        skipped = self._next_skipped(lag.lane, position)
        most = min(remaining, page.most or remaining, remaining if skipped is None else skipped - position - 1)
        items = read[:most]
        page.size = len(items)
        await projection.apply(self.connection, items)
        if self.schema == LIVE:
            await projection.side_effects(self.connection, items)
        return len(items)

    def _next_skipped(self, lane: int, position: int) -> int | None:
        positions = self.skipped.get(lane, [])
        index = bisect_right(positions, position)
        return positions[index] if index < len(positions) else None


@dataclass(slots=True)
class _Page:
    """The size of a page. At most `most` positions are tried, and None means all that are read.

    `size` is the actual number.
    """

    most: int | None
    size: int = 0


def _missing_end(projection: AsyncProjection[T], lane: int, position: int, head: int | None) -> PositionGap:
    return PositionGap(f"{projection.log} lane {lane}: its head is {head}, and nothing comes after position {position}")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
