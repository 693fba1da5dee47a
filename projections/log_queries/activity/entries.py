"""Entries of activity: changes and uses as they are in the logs, each use with the end of its call."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, TypeAlias

import msgspec
from msgspec import Struct

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


async def with_completions(connection: Connection, found: Sequence[Entry]) -> list[Entry]:
    """Return the entries, with the ends of calls that are recorded."""
    calls = [e.id for e in found if isinstance(e.happened, KeyUsed) and e.happened.action == "call"]
    if not calls:
        return list(found)
    cursor = await connection.execute(SQL.completions, (calls,))
    ended = {call_id: completed_of(body) for call_id, body in await cursor.fetchall()}
    return [Entry(entry.at, entry.id, entry.happened, ended.get(entry.id)) for entry in found]
