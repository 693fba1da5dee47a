"""The changes of an organization for auditors. They are read from the log, so the list never lags behind.

The order is that of the log. An organization's events are in one lane, which issues positions in the order of the
commits. Later events have higher positions, so a page that was read never changes.
"""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

import msgspec
from msgspec import Struct

from eventstore.codec import decode_record
from eventstore.recorded import Record
from infrastructure.database.connections import Connection
from infrastructure.database.statements import load


class Queries(NamedTuple):
    span: bytes
    newest: bytes
    by_id: bytes
    last_position: bytes
    oldest: bytes


SQL = load(Queries, __file__)

SLACK = timedelta(hours=1)
"""How much the times of events may contradict their order. No clock of this service is that wrong."""


class Filters(Struct, frozen=True):
    """A filter of events. None: any. `since` is inclusive and `until` exclusive.

    `key_id` is a key that changed or acted.
    """

    type: str | None = None
    actor: str | None = None
    resource: str | None = None
    key_id: str | None = None
    ip: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Entry(NamedTuple):
    """An event and its position in the lane of its organization. `hash`: the SHA-256 of its bytes, in hexadecimal."""

    position: int
    record: Record
    hash: str


async def newest(
    connection: Connection, organization_id: str, filters: Filters, *, below: int | None, limit: int
) -> list[Entry]:
    """Return the newest events of an organization, below the position of the last one seen."""
    above, end = await _span(connection, organization_id, filters.since, filters.until)
    bounds = [position for position in (below, end) if position is not None]
    parameters = {
        **msgspec.structs.asdict(filters),
        "organization_id": organization_id,
        "above": above,
        "below": min(bounds, default=None),
        "limit": limit,
    }
    # Planned on each execution, because the best index depends on the filters.
    cursor = await connection.execute(SQL.newest, parameters, prepare=False)
    return [_entry(row) for row in await cursor.fetchall()]


async def by_id(connection: Connection, organization_id: str, event_id: str) -> Entry | None:
    row = await (await connection.execute(SQL.by_id, (event_id, organization_id))).fetchone()
    return None if row is None else _entry(row)


class Stretch(Struct, frozen=True):
    """A snapshot of the log between two instants: from above one position up to another."""

    organization_id: str
    above: int
    up_to: int
    since: datetime | None
    until: datetime | None


async def stretch(
    connection: Connection, organization_id: str, since: datetime | None, until: datetime | None
) -> Stretch:
    """Return the current part of the log. It does not include later events."""
    above, end = await _span(connection, organization_id, since, until)
    row = await (await connection.execute(SQL.last_position, (organization_id,))).fetchone()
    last = (row[0] if row else None) or 0
    return Stretch(organization_id, above or 0, last if end is None else min(last, end), since, until)


async def oldest(connection: Connection, of: Stretch, *, above: int, limit: int) -> list[Entry]:
    """Return the next events of a stretch, after the position of the last one seen."""
    parameters = {**msgspec.structs.asdict(of), "above": max(above, of.above), "limit": limit}
    cursor = await connection.execute(SQL.oldest, parameters, prepare=False)
    return [_entry(row) for row in await cursor.fetchall()]


async def _span(
    connection: Connection, organization_id: str, since: datetime | None, until: datetime | None
) -> tuple[int | None, int | None]:
    """Return positions below and above all events between the instants. None: no such bound."""
    if since is None and until is None:
        return None, None
    parameters = {"organization_id": organization_id, "since": since, "until": until, "slack": SLACK}
    row = await (await connection.execute(SQL.span, parameters, prepare=False)).fetchone()
    return row or (None, None)


def _entry(row: tuple[str, int, bytes]) -> Entry:
    _, position, body = row
    return Entry(position, decode_record(bytes(body)), sha256(bytes(body)).hexdigest())
