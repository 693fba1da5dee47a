"""The only write path of changes: load, decide, append, respond. Callers use it through `eventstore.commands`.

A change concerns one stream. If a rule spans several streams, such as "an organization has one owner", related commands
change the others in the same transaction.

Locks are taken in one order everywhere: idempotency key, guard of the organization, stream, read models, lane head.
The writes and the commit leave in one flush, so the lane never waits for this process.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Generic, TypeVar, cast

from psycopg import AsyncCursor
from psycopg.rows import TupleRow

from domain.decider import Decider
from domain.refusal import RevisionMismatch
from eventstore.codec import decode_event, decode_record, encode, encode_data, schema_of, wire_name
from eventstore.errors import ConcurrentChange, translate
from eventstore.idempotency import IdempotentRequest, StoredResponse
from eventstore.lanes import lane_of
from eventstore.outcome import Attempt
from eventstore.queries import SQL
from eventstore.recorded import Origin, Record
from infrastructure.clock import new_event_ids
from infrastructure.database.connections import Connection, Pool
from infrastructure.database.errors import UNAVAILABLE, StorageError, Unconfirmed
from infrastructure.database.statements import Statement

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E")
F = TypeVar("F")

ATTEMPTS_MAX = 3


@dataclass(frozen=True, slots=True)
class Change(Generic[S, E]):
    """The effect of a write: the state before and after, and the events between. Without events, nothing had to change.

    `related`: the effects on other streams in the same transaction.
    """

    kind: str
    stream_id: str
    organization_id: str
    before: S
    after: S
    events: tuple[E, ...]
    revision: int
    at: datetime
    related: tuple["Change[Any, Any]", ...] = ()


@dataclass(frozen=True, slots=True)
class VersionPrecondition:
    """A stream and the version that it must still have at the commit, such as the key that the caller presented."""

    stream_id: str
    version: int


@dataclass(frozen=True, slots=True)
class Lock(Generic[F]):
    """A lock on what a rule about a set depends on. `statement` returns the row from which `facts` makes the facts."""

    statement: Statement
    facts: Callable[[TupleRow | None], F]


def no_guard() -> Lock[None]:
    """Return the guard of commands that depend on nothing but their own stream."""
    return Lock(Statement(b"", ()), lambda _: None)


@dataclass(frozen=True, slots=True)
class LockAndQuery(Generic[F]):
    """A guard whose facts need more than the row that it locks. `read` queries them while the lock is held."""

    statement: Statement
    read: Callable[[Connection, TupleRow | None], Awaitable[F]]


@dataclass(frozen=True, slots=True)
class RelatedCommand(Generic[S, C, E]):
    """A command to another stream of the organization. It runs in the same transaction, before the main command."""

    decider: Decider[S, C, E]
    stream_id: str
    command: C


@dataclass(frozen=True, slots=True)
class Write(Generic[S, C, E, F]):
    """A command to one stream, and the related commands to others.

    `command` and `related_commands` are made from the facts that `guard` reads under its lock. `expected_revisions`:
    refuse unless the stream has one of them. `requires_unchanged`: change nothing if that stream has a newer version.
    `extra_statements` join the same transaction, such as one that stores an encrypted credential. `response` is stored
    under the idempotency key.
    """

    decider: Decider[S, C, E]
    stream_id: str
    organization_id: str
    command: Callable[[F], C]
    guard: Lock[F] | LockAndQuery[F]
    at: datetime
    origin: Origin
    expected_revisions: frozenset[int] | None = None
    requires_unchanged: VersionPrecondition | None = None
    idempotency: IdempotentRequest | None = None
    response: Callable[[Change[S, E]], StoredResponse] | None = None
    extra_statements: Callable[[Change[S, E]], Iterable[Statement]] = field(default=lambda _: ())
    related_commands: Callable[[F], Sequence[RelatedCommand[Any, Any, Any]]] = field(default=lambda _: ())


@dataclass(frozen=True, slots=True)
class InlineProjection:
    """A read model that changes in the transaction that appends the events.

    `apply` returns the statements that update the read model after a change. It is called only for streams of `kinds`.
    `violations`: the errors that callers get for violated constraints of its tables, by the names of the constraints.
    """

    kinds: frozenset[str]
    apply: Callable[[Change[Any, Any]], Iterable[Statement]]
    violations: Mapping[str, type[StorageError]] = field(default_factory=dict[str, type[StorageError]])

    def statements(self, change: Change[Any, Any]) -> Iterable[Statement]:
        return self.apply(change) if change.kind in self.kinds else ()


async def execute(
    pool: Pool, write: Write[S, C, E, F], inline: Sequence[InlineProjection], attempt: Attempt | None = None
) -> Change[S, E] | StoredResponse:
    """Run `write` and return the change, or the stored response if its idempotency key has one.

    Raises a `Refusal` of the domain, `ConcurrentChange` if others changed the stream first three times, `Unavailable`
    if the database does not respond and nothing was changed, and `Unconfirmed` if the change may have been made.
    `attempt` can then find out.
    """
    attempt = attempt or Attempt()
    for number in range(1, ATTEMPTS_MAX + 1):
        attempt.restart()
        try:
            async with pool.connection() as connection:
                return await _once(connection, write, inline, attempt)
        except Exception as error:
            if attempt.commit_is_sent and isinstance(error, UNAVAILABLE):
                raise Unconfirmed from error
            try:
                translate(error, {name: kind for model in inline for name, kind in model.violations.items()})
            except ConcurrentChange:
                if number == ATTEMPTS_MAX:
                    raise
    raise ConcurrentChange


async def _once(
    connection: Connection, write: Write[S, C, E, F], inline: Sequence[InlineProjection], attempt: Attempt
) -> Change[S, E] | StoredResponse:
    """Make one attempt. On any exception the pool rolls back before it hands out the connection again."""
    loaded = await _load(connection, write, attempt)
    if isinstance(loaded, StoredResponse):
        await attempt.replay(connection, loaded)
        return loaded
    related = await _load_related(connection, write, loaded.facts)
    plan = _decide(write, loaded, inline, related)
    attempt.before_commit(plan.change, plan.proof, is_harmless=plan.is_harmless)
    await _send(connection, [*plan.statements, Statement(SQL.commit, ())])
    return plan.change


@dataclass(frozen=True, slots=True)
class _Loaded(Generic[F]):
    facts: F
    bodies: tuple[bytes, ...]


async def _load(
    connection: Connection, write: Write[Any, Any, Any, F], attempt: Attempt
) -> _Loaded[F] | StoredResponse:
    """Start the transaction, claim, lock and read in one flush, or in two for a request with an Idempotency-Key.

    A repeated request must be able to detect that the first one is still running. It could not detect this while it
    waits for the guard that the first one holds.
    """
    begin = [Statement(SQL.begin, ()), Statement(SQL.bind, (write.organization_id,)), attempt.begin()]
    if write.idempotency:
        *_, claim, find = await _send(connection, [*begin, write.idempotency.claim(), write.idempotency.find(write.at)])
        earlier = await write.idempotency.earlier_response(claim, find)
        if earlier is not None:
            return earlier
    guard = [write.guard.statement] if write.guard.statement.query else []
    load = Statement(SQL.stream_load, (write.stream_id, write.organization_id, write.decider.kind))
    cursors = await _send(connection, [*([] if write.idempotency else begin), *guard, load])
    row = await cursors[-2].fetchone() if guard else None
    facts = await write.guard.read(connection, row) if isinstance(write.guard, LockAndQuery) else write.guard.facts(row)
    return _Loaded(facts, tuple([bytes(row[0]) for row in await cursors[-1].fetchall()]))


@dataclass(frozen=True, slots=True)
class _Decided:
    """A change of one stream, the last record that the stream had before, and the ids of the new events."""

    change: Change[Any, Any]
    last: bytes
    event_ids: tuple[str, ...]

    @property
    def version(self) -> int:
        """Return the version of the stream before the change."""
        return self.change.revision - len(self.change.events)

    @property
    def proof(self) -> Statement:
        """Return the statement that finds the last event only if the transaction was committed."""
        return Statement(SQL.event_find, (self.change.stream_id, self.change.revision, self.event_ids[-1]))


@dataclass(frozen=True, slots=True)
class _Plan(Generic[S, E]):
    """A change, its statements in lock order, and the statement that proves its commit.

    `is_harmless`: nothing changes, so the response does not depend on the commit.
    """

    change: Change[S, E]
    statements: list[Statement]
    proof: Statement | None
    is_harmless: bool


_Streams = Sequence[tuple[RelatedCommand[Any, Any, Any], tuple[bytes, ...]]]
"""The related commands, and the records of their streams."""


async def _load_related(connection: Connection, write: Write[Any, Any, Any, F], facts: F) -> _Streams:
    commands = write.related_commands(facts)
    if not commands:
        return ()
    bodies: dict[str, list[bytes]] = {command.stream_id: [] for command in commands}
    cursor = await connection.execute(SQL.streams_load, (list(bodies), write.organization_id))
    for stream_id, body in await cursor.fetchall():
        bodies[stream_id].append(bytes(body))
    return [(command, tuple(bodies[command.stream_id])) for command in commands]


def _decide(
    write: Write[S, C, E, F], loaded: _Loaded[F], inline: Sequence[InlineProjection], streams: _Streams = ()
) -> _Plan[S, E]:
    """Decide all commands and return every statement that follows."""
    version = len(loaded.bodies)
    if write.expected_revisions is not None and version and version not in write.expected_revisions:
        raise RevisionMismatch(current=version)
    main = RelatedCommand(write.decider, write.stream_id, write.command(loaded.facts))
    related = [_decide_stream(write, command, bodies) for command, bodies in streams]
    decided_main = _decide_stream(write, main, loaded.bodies)
    change = replace(decided_main.change, related=tuple([decided.change for decided in related]))
    moved = [decided for decided in [*related, replace(decided_main, change=change)] if decided.change.events]
    statements: list[Statement] = []
    if moved:
        statements += _advance_streams(write, moved)
    for decided in moved:
        for model in inline:
            statements += model.statements(decided.change)
    extra = list(write.extra_statements(change))
    statements += extra
    if write.idempotency and write.response:
        statements.append(write.idempotency.store(write.response(change), write.at))
    statements += [_append(write, decided) for decided in moved]
    return _Plan(change, statements, moved[-1].proof if moved else None, is_harmless=not moved and not extra)


def _decide_stream(
    write: Write[Any, Any, Any, Any], to_stream: RelatedCommand[S, C, E], bodies: tuple[bytes, ...]
) -> _Decided:
    decider = to_stream.decider
    before = decider.fold(cast("E", decode_event(decode_record(body))) for body in bodies)
    events = decider.decide(before, to_stream.command)
    change = Change(
        kind=decider.kind,
        stream_id=to_stream.stream_id,
        organization_id=write.organization_id,
        before=before,
        after=decider.fold(events, before),
        events=events,
        revision=len(bodies) + len(events),
        at=write.at,
    )
    # The ids follow the versions: all events have one instant, and lists of the log sort by instant and id.
    return _Decided(change, bodies[-1] if bodies else b"", tuple(new_event_ids(len(events), write.at)))


def _advance_streams(write: Write[Any, Any, Any, Any], moved: Iterable[_Decided]) -> list[Statement]:
    """Advance the streams, and lock the one that must stay unchanged at its version.

    A concurrent change of that stream waits for this commit, or was committed earlier and is detected here. Therefore a
    revoked key makes no change after its revocation was confirmed. The statements are sorted by stream id, because two
    keys that change each other would deadlock otherwise.
    """
    moves = {
        decided.change.stream_id: (decided.change.kind, decided.version, decided.change.revision) for decided in moved
    }
    unchanged = write.requires_unchanged
    if unchanged is not None:
        locked = (write.decider.kind, unchanged.version, unchanged.version)
        _, version, _ = moves.setdefault(unchanged.stream_id, locked)
        if version != unchanged.version:
            raise ConcurrentChange
    return [
        Statement(SQL.stream_advance, (stream_id, kind, write.organization_id, version, revision))
        for stream_id, (kind, version, revision) in sorted(moves.items())
    ]


def _append(write: Write[Any, Any, Any, Any], decided: _Decided) -> Statement:
    stream_id, events, version = decided.change.stream_id, decided.change.events, decided.version
    previous = sha256(decided.last).hexdigest() if decided.last else ""
    ids = list(decided.event_ids)
    types: list[str] = []
    bodies: list[bytes] = []
    for offset, event in enumerate(events, start=1):
        name = wire_name(event)
        record = Record(
            id=ids[offset - 1],
            type=name,
            schema=schema_of(name),
            stream_id=stream_id,
            version=version + offset,
            organization_id=write.organization_id,
            occurred_at=write.at,
            origin=write.origin,
            previous=previous,
            data=encode_data(event),
        )
        body = encode(record)
        previous = sha256(body).hexdigest()
        types.append(name)
        bodies.append(body)
    lane = lane_of(write.organization_id)
    times = [write.at] * len(events)
    return Statement(
        SQL.events_append,
        (lane, stream_id, write.organization_id, version + 1, ids, types, times, bodies),
    )


async def _send(connection: Connection, statements: Iterable[Statement]) -> list[AsyncCursor[TupleRow]]:
    """Send all statements in one flush and wait for the last result."""
    async with connection.pipeline():
        return [await connection.execute(query, parameters) for query, parameters in statements]
