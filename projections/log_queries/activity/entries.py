"""Entries of activity: changes and uses as they are in the logs, each use with the end of its call."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeAlias

import msgspec
from msgspec import Struct

from domain.ids import is_id, unix_ms_of
from domain.usage.events import CallCompleted, KeyUsed
from eventstore.recorded import Record
from infrastructure.database.connections import Connection
from infrastructure.database.statements import load


class Queries(NamedTuple):
    completions: bytes


SQL = load(Queries, __file__, "entries.sql")

Position: TypeAlias = tuple[datetime, str]
"""The time and the id of an entry, which is its place in the order of activity."""

USED = "api_key.used"

_used = msgspec.json.Decoder(KeyUsed)
_completed = msgspec.json.Decoder(CallCompleted)

_CLOCKS_DIFFER = timedelta(hours=1)
_CALL_MAX = timedelta(days=1)
"""The end of a call is recorded by another process than its use, and at most so much later. See `matching_ends.sql`."""

OLDEST = datetime(1, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 12, 31, tzinfo=UTC)
"""Bounds of a search that has none."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ROUNDED = timedelta(milliseconds=2)
"""An id contains the millisecond of its event, which was calculated with floating-point numbers."""


class Around(NamedTuple):
    """The time from `since` (inclusive) to `until` (exclusive)."""

    since: datetime
    until: datetime


class Entry(Struct, frozen=True):
    """A lifecycle record or a use. `completed` is the end of the call that the use authorized."""

    at: datetime
    id: str
    happened: Record | KeyUsed
    completed: CallCompleted | None = None

    @property
    def position(self) -> Position:
        return (self.at, self.id)


def use_entry(at: datetime, event_id: str, body: bytes) -> Entry:
    """Return the entry of a use from the columns of its row, without the end of its call."""
    return Entry(at, event_id, _used.decode(bytes(body)))


def completed_of(body: bytes) -> CallCompleted:
    """Return the end of a call from the body of its row."""
    return _completed.decode(bytes(body))


def time_around(event_id: str) -> Around | None:
    """Return when an event was made, a few milliseconds, or None if `event_id` is not the id of an event.

    A statement that names the time plans for one partition and not for all.
    """
    if not is_id("evt", event_id):
        return None
    try:
        at = _EPOCH + timedelta(milliseconds=unix_ms_of(event_id))
        return Around(at - _ROUNDED, at + _ROUNDED)
    except OverflowError:
        return None


def ends_around(since: datetime, until: datetime) -> Around:
    """Return the time in which calls end that began from `since` to `until`."""
    return Around(max(since, OLDEST + _CLOCKS_DIFFER) - _CLOCKS_DIFFER, min(until, LATEST - _CALL_MAX) + _CALL_MAX)


async def with_completions(connection: Connection, found: Sequence[Entry]) -> list[Entry]:
    """Return the entries, with the ends of calls that are recorded."""
    calls = [e for e in found if isinstance(e.happened, KeyUsed) and e.happened.action == "call"]
    if not calls:
        return list(found)
    # Planned on each execution with constants, because the partitions depend on the times.
    bounds = ends_around(min(call.at for call in calls), max(call.at for call in calls))
    cursor = await connection.execute(SQL.completions, ([call.id for call in calls], *bounds), prepare=False)
    ended = {call_id: completed_of(body) for call_id, body in await cursor.fetchall()}
    return [Entry(entry.at, entry.id, entry.happened, ended.get(entry.id)) for entry in found]
