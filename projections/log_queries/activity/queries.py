"""The activity of a key: its changes and uses in one order. It is read from the logs, so it never lags behind."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from msgspec import Struct, structs

from domain.keys.events import KeyRevoked
from eventstore.codec import decode_event, decode_record
from eventstore.recorded import Record
from infrastructure.clock import now
from infrastructure.database.connections import Connection
from infrastructure.database.planning import read_planned_once
from infrastructure.database.statements import load
from projections.log_queries.activity.entries import (
    LATEST,
    OLDEST,
    USED,
    Entry,
    Position,
    ends_around,
    time_around,
    use_entry,
    with_completions,
)
from projections.log_queries.activity.filters import UseFilters
from projections.log_queries.activity.tail import SEEN_MAX, Tail, advance, start


class Queries(NamedTuple):
    lifecycle: bytes
    lifecycle_after: bytes
    uses: bytes
    uses_by_end: bytes
    uses_end: bytes
    next_uses: bytes
    next_uses_by_end: bytes
    next_uses_end: bytes
    position: bytes
    version_before: bytes


SQL = load(Queries, __file__)

SCAN_MAX = 5_000
"""The maximum number of uses that one page reads to find matches."""

_PLANNED_EACH_TIME = timedelta(days=7)

_AFTER_ID = "~"
"""Sorts after every character of an id."""


class Span(Struct, frozen=True):
    """A part of a key's activity: from `since` (inclusive) to `until` (exclusive), below (`last_at`, `last_id`).

    `only_changes`: without uses.
    """

    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    last_at: datetime | None = None
    last_id: str | None = None
    only_changes: bool = False
    filters: UseFilters = UseFilters()

    @property
    def has_uses(self) -> bool:
        return self.type in {None, USED} and not self.only_changes

    @property
    def has_changes(self) -> bool:
        return self.type != USED and not self.filters.only_uses

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of statements by name."""
        values = structs.asdict(self)
        del values["only_changes"], values["filters"]
        return {**values, **self.filters.parameters()}


class _Statements(NamedTuple):
    """The statements that read uses in one direction: all that match, also by the ends of calls, and the last one."""

    uses: bytes
    by_end: bytes
    end: bytes
    ascending: bool


_NEWEST = _Statements(SQL.uses, SQL.uses_by_end, SQL.uses_end, ascending=False)
_NEXT = _Statements(SQL.next_uses, SQL.next_uses_by_end, SQL.next_uses_end, ascending=True)


class Found(NamedTuple):
    """Entries, and where the search ended if it reached its bound before the end of the span."""

    entries: Sequence[Entry]
    searched: Position | None = None


async def entries(connection: Connection, key_id: str, organization_id: str, span: Span, limit: int) -> Found:
    """Return the newest entries of a key in `span`, at most `limit`, among its newest `SCAN_MAX` uses."""
    parameters = {"key_id": key_id, "organization_id": organization_id, "limit": limit, **span.parameters()}
    found: list[Entry] = []
    searched: Position | None = None
    if span.has_changes:
        cursor = await connection.execute(SQL.lifecycle, parameters)
        found += _changes([row[:3] for row in await cursor.fetchall()], span)
    if span.has_uses:
        uses, searched = await _uses(connection, _NEWEST, span, parameters)
        found += uses
    if searched is not None:
        # Older changes belong to the next page, with the uses around them.
        found = [entry for entry in found if entry.position >= searched]
    newest = sorted(found, key=_position, reverse=True)[:limit]
    return Found(await with_completions(connection, newest), searched)


def tail_after(page: Found, shown: Sequence[Entry], settled: datetime, version: int) -> Tail:
    """Return the tail after the newest page. `shown` are the entries that fit, and `version` is that of the key."""
    last = shown[-1].position if len(shown) < len(page.entries) else page.searched
    versions = [entry.happened.version for entry in shown if isinstance(entry.happened, Record)]
    return start(_only_uses(shown), last, settled, max(version, *versions, 0))


async def tail_from(
    connection: Connection, key_id: str, organization_id: str, event_id: str, span: Span, settled: datetime
) -> Tail | None:
    """Return the tail after one entry, or None if the key has no such entry."""
    named = {"key_id": key_id, "organization_id": organization_id, "event_id": event_id}
    around = time_around(event_id)
    if around is None:
        return None
    cursor = await connection.execute(SQL.position, {**named, **around._asdict()}, prepare=False)
    row = await cursor.fetchone()
    if row is None:
        return None
    at, version = row
    if version is None:
        cursor = await connection.execute(SQL.version_before, {**named, "at": at})
        (version,) = await cursor.fetchone() or (0,)
    if at < settled or not span.has_uses:
        return Tail(at, event_id, version=version)
    # The entry itself and those before it were returned: remember the uses that a late one may still precede.
    before = structs.replace(span, since=max(settled, span.since or settled), last_at=at, last_id=event_id + _AFTER_ID)
    parameters = {**named, "limit": SEEN_MAX + 1, **before.parameters()}
    uses, searched = await _uses(connection, _NEWEST, before, parameters)
    last = uses[SEEN_MAX - 1].position if len(uses) > SEEN_MAX else searched
    return start(uses[:SEEN_MAX], last, settled, version)


async def entries_after(
    connection: Connection, key_id: str, organization_id: str, span: Span, tail: Tail, limit: int, settled: datetime
) -> tuple[Sequence[Entry], Tail]:
    """Return the next entries of a tail, oldest first and at most `limit`, and the tail after them."""
    parameters = {"key_id": key_id, "organization_id": organization_id, **span.parameters()}
    changes: list[Entry] = []
    version = tail.version
    if span.has_changes:
        cursor = await connection.execute(SQL.lifecycle_after, {**parameters, "version": version, "limit": limit})
        rows = await cursor.fetchall()
        changes = _changes([row[:3] for row in rows], span)
        version = rows[-1][3] if rows else version
    uses: list[Entry] = []
    if span.has_uses:
        wanted = limit - len(changes)
        # The uses that were returned are read again. One more shows whether others follow.
        read = {"after_at": tail.at, "after_id": tail.id, "limit": wanted + len(tail.seen) + 1}
        found, searched = await _uses(connection, _NEXT, structs.replace(span, since=tail.at), {**parameters, **read})
        uses, tail = advance(tail, found, limit=wanted, searched=searched, settled=settled)
    oldest = sorted([*changes, *uses], key=_position)
    return await with_completions(connection, oldest), structs.replace(tail, version=version)


def _changes(rows: Sequence[tuple[datetime, str, bytes]], span: Span) -> list[Entry]:
    found = [Entry(at, event_id, decode_record(bytes(body))) for at, event_id, body in rows]
    if span.filters.reason is None:
        return found
    return [entry for entry in found if _reason(entry) == span.filters.reason]


def _reason(change: Entry) -> str | None:
    event = decode_event(change.happened) if isinstance(change.happened, Record) else None
    return event.reason if isinstance(event, KeyRevoked) else None


async def _uses(
    connection: Connection, statements: _Statements, span: Span, parameters: dict[str, Any]
) -> tuple[list[Entry], Position | None]:
    """Return the uses that match, at most `limit`, and the position where the search ended if it reached its bound."""
    ended = ends_around(span.since or OLDEST, span.until or LATEST)
    named = {**parameters, "scan": SCAN_MAX, "ended_since": ended.since, "ended_until": ended.until}
    statement = statements.by_end if span.filters.needs_ends else statements.uses
    rows = await _read(connection, statement, span, named)
    uses = [use_entry(*row) for row in rows]
    if span.filters.is_empty or len(uses) >= parameters["limit"]:
        return uses, None
    ends: list[Position] = await _read(connection, statements.end, span, named)
    if not ends:
        return uses, None
    # A use that was recorded meanwhile has moved the end.
    (end,) = ends
    return [use for use in uses if (use.position <= end if statements.ascending else use.position >= end)], end


async def _read(connection: Connection, statement: bytes, span: Span, parameters: dict[str, Any]) -> list[Any]:
    """Return the rows of uses. A search of a few days is planned for their partitions, any other once for all."""
    if span.since is not None and (span.until or now()) - span.since <= _PLANNED_EACH_TIME:
        return await (await connection.execute(statement, parameters, prepare=False)).fetchall()
    return await read_planned_once(connection, statement, parameters)


def _only_uses(found: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in found if not isinstance(entry.happened, Record)]


def _position(entry: Entry) -> Position:
    return entry.position
