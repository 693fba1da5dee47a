"""The uses of an organization, read from the usage log by the time of its batches.

The batches contain uses of all organizations. Hours without uses of the organization are skipped as far as
`organization_usage_hours` has counted, so an organization with few uses gets full pages on a busy server.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from msgspec import Struct

from eventstore.lanes import LANES
from infrastructure.database.connections import Connection
from infrastructure.database.statements import load
from projections.log_queries.activity.entries import Entry, Position, use_entry, with_completions
from projections.log_queries.activity.filters import UseFilters
from projections.log_queries.activity.queries import SCAN_MAX, Found
from projections.log_queries.activity.single import SQL as SINGLE
from projections.log_queries.activity.tail import SEEN_MAX, Tail, advance, start


class Queries(NamedTuple):
    hours: bytes
    hours_after: bytes
    uncounted: bytes
    uses: bytes


SQL = load(Queries, __file__, "organization.sql")

FIRST_SCAN = 500
"""The number of uses that are read first. Most pages are full then."""

_HOURS_MAX = 200
"""The maximum number of hours that one page searches."""

_OLDEST = datetime(1, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 12, 31, tzinfo=UTC)
_AFTER_ID = "~"
"""Sorts after every character of an id."""


class OrganizationSpan(Struct, frozen=True):
    """Uses of an organization from `since` (inclusive) to `until` (exclusive).

    `created_by`: only uses of keys that this user created; None: of all keys. `hours_projection` is the name of the
    projection that counts the hours.
    """

    organization_id: str
    hours_projection: str
    created_by: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    filters: UseFilters = UseFilters()


class _Stretch(NamedTuple):
    """A stretch of time to search, without the end."""

    since: datetime
    until: datetime


async def organization_entries(
    connection: Connection, span: OrganizationSpan, below: Position | None, limit: int, at: datetime
) -> Found:
    """Return the newest uses below a position, at most `limit`, among the newest `SCAN_MAX` of all organizations."""
    found = await _search(connection, span, below or (_LATEST, ""), limit, at, ascending=False)
    return Found(await with_completions(connection, found.entries), found.searched)


async def organization_tail_from(
    connection: Connection, span: OrganizationSpan, event_id: str, settled: datetime, at: datetime
) -> Tail | None:
    """Return the tail after one use, or None if the organization has no such use."""
    cursor = await connection.execute(SINGLE.use, (event_id, event_id, event_id, span.organization_id))
    row = await cursor.fetchone()
    if row is None:
        return None
    _, used_at, _, _ = row
    if used_at < settled:
        return Tail(used_at, event_id)
    # The entry itself and those before it were returned: remember the uses that a late one may still precede.
    recent = OrganizationSpan(
        span.organization_id,
        span.hours_projection,
        created_by=span.created_by,
        since=max(settled, span.since or settled),
        until=span.until,
        filters=span.filters,
    )
    before = await _search(connection, recent, (used_at, event_id + _AFTER_ID), SEEN_MAX + 1, at, ascending=False)
    last = before.entries[SEEN_MAX - 1].position if len(before.entries) > SEEN_MAX else before.searched
    return start(before.entries[:SEEN_MAX], last, settled, 0)


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
    found = await _search(connection, span, tail.position, wanted, at, ascending=True)
    fresh, following = advance(tail, found.entries, limit=limit, searched=found.searched, settled=settled)
    return await with_completions(connection, fresh), following


async def _search(
    connection: Connection, span: OrganizationSpan, last: Position, limit: int, at: datetime, *, ascending: bool
) -> Found:
    """Return uses after `last` in one direction, and the position where the search ended before it found `limit`."""
    found: list[Entry] = []
    stretches, rest = await _stretches(connection, span, last, at, ascending=ascending)
    position, budget, scan = last, SCAN_MAX, FIRST_SCAN
    for stretch in stretches:
        while True:
            wanted = {"ascending": ascending, "limit": limit - len(found), "scan": min(scan, budget)}
            entries, end = await _uses(connection, span, stretch, position, wanted)
            found += entries
            if len(found) >= limit:
                return Found(found[:limit])
            if end is None:
                break
            position = (end, _AFTER_ID if ascending else "")
            budget -= scan
            scan = budget
            if budget <= 0:
                return Found(found, position)
    return Found(found, rest)


async def _uses(
    connection: Connection, span: OrganizationSpan, stretch: _Stretch, last: Position, wanted: Mapping[str, object]
) -> tuple[list[Entry], datetime | None]:
    parameters = {
        "organization_id": span.organization_id,
        "created_by": span.created_by,
        "last_at": last[0],
        "last_id": last[1],
        **stretch._asdict(),
        **wanted,
        **span.filters.parameters(),
    }
    # Planned on each execution, because the partitions depend on the times.
    rows = await (await connection.execute(SQL.uses, parameters, prepare=False)).fetchall()
    ends = [at for at, _, body in rows if body is None]
    return [use_entry(*row) for row in rows if row[2] is not None], ends[0] if ends else None


async def _stretches(
    connection: Connection, span: OrganizationSpan, last: Position, at: datetime, *, ascending: bool
) -> tuple[list[_Stretch], Position | None]:
    """Return the stretches to search, in their order, and the position where others follow that are left out."""
    since, until = span.since or _OLDEST, span.until or _LATEST
    if ascending:
        since = max(since, last[0])
    else:
        until = min(until, last[0] + timedelta(microseconds=1)) if last[0] < _LATEST else until
    counted = await _counted_until(connection, span.hours_projection, at)
    parameters = {
        "organization_id": span.organization_id,
        "since": since if since > _OLDEST else None,
        "until": min(until, counted),
        "limit": _HOURS_MAX + 1,
    }
    cursor = await connection.execute(SQL.hours_after if ascending else SQL.hours, parameters)
    hours = [row[0] for row in await cursor.fetchall()]
    rest: Position | None = None
    if len(hours) > _HOURS_MAX:
        hours = hours[:_HOURS_MAX]
        edge = hours[-1] + timedelta(hours=1) if ascending else hours[-1]
        rest = (edge, "")
    stretches = [_Stretch(max(hour, since), min(hour + timedelta(hours=1), until, counted)) for hour in hours]
    recent = _Stretch(max(since, counted), until)
    if not ascending:
        stretches.insert(0, recent)
    elif rest is None:
        stretches.append(recent)
    return [stretch for stretch in stretches if stretch.since < stretch.until], rest


async def _counted_until(connection: Connection, projection: str, at: datetime) -> datetime:
    """Return the instant before which every use is counted in its hour.

    A batch that is committed meanwhile may be earlier. It becomes visible late, as it would without counts.
    """
    row = await (await connection.execute(SQL.uncounted, (projection,))).fetchone()
    lanes, oldest = row or (0, None)
    if lanes < LANES:
        return _OLDEST
    return at if oldest is None else min(at, oldest)
