"""The activity of a key: its changes and uses in one order. It is read from the logs, so it never lags behind."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from msgspec import Struct

from domain.usage.events import CallCompleted, KeyUsed
from eventstore.codec import decode_record
from eventstore.recorded import Record
from infrastructure.database.connections import Connection
from infrastructure.database.statements import load


class Queries(NamedTuple):
    lifecycle: bytes
    uses: bytes
    completions: bytes


SQL = load(Queries, __file__)

USED = "api_key.used"

_used = msgspec.json.Decoder(KeyUsed)
_completed = msgspec.json.Decoder(CallCompleted)


class Span(Struct, frozen=True):
    """A part of a key's activity: from `since` (inclusive) to `until` (exclusive), below (`last_at`, `last_id`)."""

    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    last_at: datetime | None = None
    last_id: str | None = None


class Entry(Struct, frozen=True):
    """A lifecycle record or a use. `completed` is the end of the call that the use authorized."""

    at: datetime
    id: str
    happened: Record | KeyUsed
    completed: CallCompleted | None = None


async def entries(connection: Connection, key_id: str, organization_id: str, span: Span, limit: int) -> Sequence[Entry]:
    """Return the newest entries of a key in `span`, at most `limit`."""
    parameters = {"key_id": key_id, "organization_id": organization_id, "limit": limit, **msgspec.structs.asdict(span)}
    found: list[Entry] = []
    if span.type != USED:
        cursor = await connection.execute(SQL.lifecycle, parameters)
        found += [Entry(at, id_, decode_record(bytes(body))) for at, id_, body in await cursor.fetchall()]
    if span.type in {None, USED}:
        cursor = await connection.execute(SQL.uses, parameters)
        found += [Entry(at, id_, _used.decode(bytes(body))) for at, id_, body in await cursor.fetchall()]
    newest = sorted(found, key=lambda entry: (entry.at, entry.id), reverse=True)[:limit]
    ended = await _completions(connection, newest)
    return [Entry(entry.at, entry.id, entry.happened, ended.get(entry.id)) for entry in newest]


async def _completions(connection: Connection, found: Sequence[Entry]) -> dict[str, CallCompleted]:
    calls = [e.id for e in found if isinstance(e.happened, KeyUsed) and e.happened.action == "call"]
    if not calls:
        return {}
    cursor = await connection.execute(SQL.completions, (calls,))
    return {call_id: _completed.decode(bytes(body)) for call_id, body in await cursor.fetchall()}
