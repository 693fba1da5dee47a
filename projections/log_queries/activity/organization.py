"""The uses of an organization, found in the usage log by `organization_batches`.

That read model lists where they are, so the uses of other organizations are not read, however many there are. Batches
that it does not list yet are found by their time, and read completely.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import Struct

from domain.usage.events import KeyUsed
from eventstore.lanes import LANES
from infrastructure.database.connections import Connection
from infrastructure.database.statements import load
from projections.log_queries.activity.entries import (
    LATEST,
    OLDEST,
    Entry,
    Position,
    ends_around,
    use_entry,
    with_completions,
)
from projections.log_queries.activity.filters import UseFilters
from projections.log_queries.activity.queries import SCAN_MAX, Found
from projections.log_queries.activity.single import find
from projections.log_queries.activity.tail import SEEN_MAX, Tail, advance, start


class Queries(NamedTuple):
    listed: bytes
    scan_end: bytes
    listed_uses: bytes
    listed_uses_by_end: bytes
    unlisted_uses: bytes
    unlisted_uses_by_end: bytes
    is_created_by: bytes


SQL = load(Queries, __file__, "organization.sql")

FIRST_SCAN = 500
"""The number of uses that are read first. Most pages are full then."""

UNLISTED_MAX = 20_000
"""The maximum number of uses of all organizations that one page reads in batches that are not listed yet."""

_INSTANT = timedelta(microseconds=1)
"""The difference between an instant and the next one."""

_AFTER_ID = "~"
"""Sorts after every character of an id."""


class OrganizationSpan(Struct, frozen=True):
    """Uses of an organization from `since` (inclusive) to `until` (exclusive).

    `created_by`: only uses of keys that this user created; None: of all keys. `projection` is the name of the
    projection that lists the batches.
    """

    organization_id: str
    projection: str
    created_by: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    filters: UseFilters = UseFilters()


class _Stretch(NamedTuple):
    """A stretch of time to search, without the end. `listed`: `organization_batches` contains all of its batches."""

    since: datetime
    until: datetime
    listed: bool

    @property
    def scan_max(self) -> int:
        """Return how many uses are read at most: of the organization, or of all organizations if none are listed."""
        return SCAN_MAX if self.listed else UNLISTED_MAX


class _Direction(NamedTuple):
    """The use before the first one to find, and the order in which uses are searched from there."""

    last: Position
    ascending: bool


async def organization_entries(
    connection: Connection, span: OrganizationSpan, below: Position | None, limit: int, at: datetime
) -> Found:
    """Return the newest uses below a position, at most `limit`, among the newest `SCAN_MAX` of the organization."""
    found = await _search(connection, span, _Direction(below or (LATEST, ""), ascending=False), limit, at)
    return Found(await with_completions(connection, found.entries), found.searched)


async def organization_tail_from(
    connection: Connection, span: OrganizationSpan, event_id: str, settled: datetime, at: datetime
) -> Tail | None:
    """Return the tail after one use, or None if the organization has no such use of a key in `span`."""
    row = await find(connection, event_id, span.organization_id)
    if row is None:
        return None
    kind, used_at, _, body = row
    if kind != "used" or not await _is_included(connection, span, use_entry(used_at, event_id, body)):
        return None
    if used_at < settled:
        return Tail(used_at, event_id)
    # The entry itself and those before it were returned: remember the uses that a late one may still precede.
    recent = OrganizationSpan(
        span.organization_id,
        span.projection,
        created_by=span.created_by,
        since=max(settled, span.since or settled),
        until=span.until,
        filters=span.filters,
    )
    shown = _Direction((used_at, event_id + _AFTER_ID), ascending=False)
    before = await _search(connection, recent, shown, SEEN_MAX + 1, at)
    last = before.entries[SEEN_MAX - 1].position if len(before.entries) > SEEN_MAX else before.searched
    return start(before.entries[:SEEN_MAX], last, settled, 0)


async def _is_included(connection: Connection, span: OrganizationSpan, entry: Entry) -> bool:
    """Return whether the use is one of the keys of `span`."""
    if span.created_by is None:
        return True
    if not isinstance(entry.happened, KeyUsed) or entry.happened.key_id is None:
        return False
    parameters = (entry.happened.key_id, span.organization_id, span.created_by)
    return await (await connection.execute(SQL.is_created_by, parameters)).fetchone() is not None


def organization_tail_after(page: Found, shown: Sequence[Entry], settled: datetime) -> Tail:
    """Return the tail after the newest page. `shown` are the uses that fit."""
    last = shown[-1].position if len(shown) < len(page.entries) else page.searched
    return start(shown, last, settled, 0)


async def organization_entries_after(
    connection: Connection, span: OrganizationSpan, tail: Tail, limit: int, settled: datetime, at: datetime
) -> tuple[Sequence[Entry], Tail]:
    """Return the next uses of a tail, oldest first and at most `limit`, and the tail after them."""
    # The uses that were returned are read again. One more shows whether others follow.
    wanted = limit + len(tail.seen) + 1
    found = await _search(connection, span, _Direction(tail.position, ascending=True), wanted, at)
    fresh, following = advance(tail, found.entries, limit=limit, searched=found.searched, settled=settled)
    return await with_completions(connection, fresh), following


async def _search(
    connection: Connection, span: OrganizationSpan, direction: _Direction, limit: int, at: datetime
) -> Found:
    """Return uses in one direction, and the position where the search ended before it found `limit`."""
    found: list[Entry] = []
    for stretch in await _stretches(connection, span, direction, at):
        rest: _Stretch | None = stretch
        left, scan = stretch.scan_max, FIRST_SCAN
        while rest is not None and left > 0:
            part, rest = await _cut(connection, span, rest, direction, scan)
            if part is not None:
                found += await _uses(connection, span, part, direction, limit - len(found))
            if len(found) >= limit:
                return Found(found)
            left -= scan
            scan = left
        if rest is not None:
            return Found(found, (rest.since, "") if direction.ascending else (rest.until, ""))
    return Found(found)


async def _cut(
    connection: Connection, span: OrganizationSpan, stretch: _Stretch, direction: _Direction, scan: int
) -> tuple[_Stretch | None, _Stretch | None]:
    """Cut a stretch after about `scan` uses. Return the part to read and the rest, each None if it contains nothing."""
    parameters = {
        "organization_id": span.organization_id,
        "ascending": direction.ascending,
        "scan": scan,
        **stretch._asdict(),
    }
    row = await (await connection.execute(SQL.scan_end, parameters, prepare=False)).fetchone()
    end, follows = row or (None, False)
    if end is None:
        return None, None
    if direction.ascending:
        edge = end + _INSTANT
        part, rest = stretch._replace(until=min(edge, stretch.until)), stretch._replace(since=edge)
    else:
        part, rest = stretch._replace(since=end), stretch._replace(until=end)
    return part, rest if follows else None


async def _uses(
    connection: Connection, span: OrganizationSpan, part: _Stretch, direction: _Direction, limit: int
) -> list[Entry]:
    (last_at, last_id), ascending = direction
    ended = ends_around(part.since, part.until)
    parameters = {
        "organization_id": span.organization_id,
        "created_by": span.created_by,
        "ascending": ascending,
        "last_at": last_at,
        "last_id": last_id,
        "limit": limit,
        "since": part.since,
        "until": part.until,
        "ended_since": ended.since,
        "ended_until": ended.until,
        **span.filters.parameters(),
    }
    by_end = span.filters.needs_ends
    if part.listed:
        statement = SQL.listed_uses_by_end if by_end else SQL.listed_uses
    else:
        statement = SQL.unlisted_uses_by_end if by_end else SQL.unlisted_uses
    # Planned on each execution, because the partitions depend on the times.
    rows = await (await connection.execute(statement, parameters, prepare=False)).fetchall()
    return [use_entry(*row) for row in rows]


async def _stretches(
    connection: Connection, span: OrganizationSpan, direction: _Direction, at: datetime
) -> list[_Stretch]:
    """Return the stretches to search, in their order.

    A batch that is committed meanwhile may be earlier than the listed ones. It becomes visible late, as any batch can.
    """
    row = await (await connection.execute(SQL.listed, (span.projection,))).fetchone()
    lanes, unlisted, kept_since = row or (0, None, None)
    listed_until = at if unlisted is None else min(at, unlisted)
    if lanes < LANES:
        listed_until = OLDEST
    (last_at, last_id), ascending = direction
    since, until = max(span.since or OLDEST, kept_since or OLDEST), span.until or LATEST
    if ascending:
        since = max(since, last_at)
    else:
        # Nothing of the instant itself is before the position (`last_at`, "").
        until = min(until, last_at + _INSTANT if last_id else last_at)
    listed = _Stretch(since, min(until, listed_until), listed=True)
    not_listed = _Stretch(max(since, listed_until), until, listed=False)
    stretches = [listed, not_listed] if ascending else [not_listed, listed]
    return [stretch for stretch in stretches if stretch.since < stretch.until]
