"""Verify that the whole log is consistent, and that the derived data agrees with it.

I1: lanes are contiguous from 1 to their head. I2: stream versions are 1..n and agree with lane order, and each record
contains the hash of the previous one. I4: the inline read models equal a fold of the log. I8: each batch contains as
many uses as it declares, and the counters add up to the batches. Days that retention removed are checked against the
ledger of removals.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.decider import ImpossibleHistory
from eventstore.codec import DECIDERS
from eventstore.errors import Corruption
from eventstore.lanes import lane_of
from eventstore.queries import SQL
from eventstore.reader import PositionGap, read_lifecycle, read_usage_batches
from eventstore.recorded import Record, Recorded
from eventstore.retention import Removed, removals_wrong, removed
from infrastructure.database.connections import Connection

PAGE = 5_000


@dataclass(slots=True)
class Stream:
    """The state of one stream during a walk over the log, and the hash at the end of its chain."""

    kind: str
    organization_id: str
    state: Any
    version: int
    last_hash: str


Streams = dict[str, Stream]

InlineCheck = Callable[[Connection, Streams], Awaitable[Iterable[str]]]
"""Compares a read model with the folded streams and returns a line for each difference."""

Check = Callable[[Connection], Awaitable[Iterable[str]]]
"""Returns a line for each violation. The line starts with the invariant, such as `I8 `."""


@dataclass(slots=True)
class Report:
    """The violations in the order in which they were found. `lines` is the report for the operator."""

    events: int = 0
    streams: int = 0
    batches: int = 0
    uses: int = 0
    removed: Removed | None = None
    violations: list[str] = field(default_factory=list[str])

    @property
    def ok(self) -> bool:
        return not self.violations

    @property
    def lines(self) -> list[str]:
        counted = f"{self.events} events in {self.streams} streams, {self.uses} uses in {self.batches} batches"
        if self.removed is not None:
            counted += f"; {self.removed}"
        if self.ok:
            return [f"sound: {counted}"]
        return [
            f"VIOLATION {self.violations[0]}",
            *self.violations[1:50],
            f"{len(self.violations)} violations: {counted}",
        ]


async def check(
    connection: Connection,
    inline_checks: Iterable[InlineCheck],
    other_checks: Iterable[Check] = (),
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Report:
    """Walk the whole log in one snapshot, so that concurrent writes do not appear as differences."""
    report = Report()
    async with connection.transaction():
        await connection.execute(b"set transaction isolation level repeatable read, read only")
        await connection.execute(b"set local statement_timeout = 0")
        lifecycle, usage = await _heads(connection, "lifecycle"), await _heads(connection, "usage")
        of = sum(lifecycle.values()) + sum(usage.values())

        def read() -> None:
            progress(report.events + report.batches, of)

        read()
        streams = await _check_lifecycle(connection, lifecycle, report, read)
        await _check_usage(connection, usage, report, read)
        for inline_check in inline_checks:
            report.violations += [f"I4 {line}" for line in await inline_check(connection, streams)]
        for other_check in other_checks:
            report.violations += await other_check(connection)
    return report


async def _heads(connection: Connection, log: str) -> dict[int, int]:
    cursor = await connection.execute(SQL.lane_heads, (log,))
    return {lane: head for lane, head in await cursor.fetchall()}  # noqa: C416 -- rows are untyped tuples


async def _check_lifecycle(
    connection: Connection, heads: Mapping[int, int], report: Report, read: Callable[[], None]
) -> Streams:
    walk = _LogVerifier()
    for lane, head in heads.items():
        position = 0
        try:
            while page := await read_lifecycle(connection, lane, position, PAGE):
                for recorded in page:
                    walk.step(recorded)
                position += len(page)
                report.events += len(page)
                read()
            if position != head:
                walk.violations.append(f"I1 lifecycle lane {lane}: its head is {head}, its last position {position}")
        except PositionGap as hole:
            walk.violations.append(f"I1 {hole}")
        except Corruption as corruption:
            walk.violations.append(f"I2 {corruption}")
    report.streams = len(walk.streams)
    report.violations += walk.violations
    report.violations += await _differing_streams(connection, walk.streams)
    return walk.streams


class _LogVerifier:
    """Folds every stream while it reads the lanes, and checks each step."""

    def __init__(self) -> None:
        self.streams: Streams = {}
        self.violations: list[str] = []
        self._deciders = {event_type: decider for decider in DECIDERS for event_type in decider.event_types}

    def step(self, recorded: Recorded[Any]) -> None:
        record = recorded.record
        decider = self._deciders[type(recorded.event)]
        stream = self.streams.setdefault(
            record.stream_id, Stream(decider.kind, record.organization_id, decider.initial, 0, "")
        )
        if record.version != stream.version + 1:
            self._violation(record, f"follows version {stream.version}")
        if record.previous != stream.last_hash:
            self._violation(record, "does not name the hash of the one before")
        if record.organization_id != stream.organization_id or lane_of(record.organization_id) != recorded.lane:
            self._violation(record, "lies in a lane that is not its organization's")
        if not recorded.columns_agree:
            self._violation(record, "differs from the columns of its row")
        try:
            stream.state = decider.evolve(stream.state, recorded.event)
        except ImpossibleHistory as error:
            self._violation(record, str(error))
        stream.version = record.version
        stream.last_hash = recorded.hash

    def _violation(self, record: Record, what: str) -> None:
        self.violations.append(f"I2 stream {record.stream_id} version {record.version}: {what}")


async def _differing_streams(connection: Connection, streams: Streams) -> list[str]:
    cursor = await connection.execute(SQL.streams_all)
    stored = {row[0]: (row[1], row[2], row[3]) for row in await cursor.fetchall()}
    walked = {key: (stream.kind, stream.organization_id, stream.version) for key, stream in streams.items()}
    return [
        f"I2 stream {key}: the table says {stored.get(key)}, the log {walked.get(key)}"
        for key in sorted(stored.keys() | walked.keys())
        if stored.get(key) != walked.get(key)
    ]


async def _check_usage(
    connection: Connection, heads: Mapping[int, int], report: Report, read: Callable[[], None]
) -> None:
    for lane, head in heads.items():
        batch_no = 0
        try:
            while page := await read_usage_batches(connection, lane, batch_no, PAGE):
                batch_no += len(page)
                report.batches += len(page)
                read()
                report.uses += sum(batch.size for batch in page)
            if batch_no != head:
                report.violations.append(f"I1 usage lane {lane}: its head is {head}, its last batch {batch_no}")
        except PositionGap as hole:
            report.violations.append(f"I1 {hole}")
    cursor = await connection.execute(SQL.usage_sizes_wrong)
    report.violations += [
        f"I8 usage lane {lane} batch {batch_no}: says {size} events, holds {found}"
        for lane, batch_no, size, found in await cursor.fetchall()
    ]
    report.removed = await removed(connection)
    report.violations += [f"I8 {line}" for line in await removals_wrong(connection)]
