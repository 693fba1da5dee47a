"""The activity of a key: its changes and uses in one order. It is read from the logs, so it never lags behind."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from msgspec import Struct

from eventstore.codec import decode_record
from infrastructure.database.connections import Connection
from infrastructure.database.statements import load
from projections.log_queries.activity.entries import USED, Entry, use_entry, with_completions


class Queries(NamedTuple):
    lifecycle: bytes
    uses: bytes


SQL = load(Queries, __file__)


class Span(Struct, frozen=True):
    """A part of a key's activity: from `since` (inclusive) to `until` (exclusive), below (`last_at`, `last_id`)."""

    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    last_at: datetime | None = None
    last_id: str | None = None


async def entries(connection: Connection, key_id: str, organization_id: str, span: Span, limit: int) -> Sequence[Entry]:
    """Return the newest entries of a key in `span`, at most `limit`."""
    parameters = {"key_id": key_id, "organization_id": organization_id, "limit": limit, **msgspec.structs.asdict(span)}
    found: list[Entry] = []
    if span.type != USED:
        cursor = await connection.execute(SQL.lifecycle, parameters)
        found += [Entry(at, id_, decode_record(bytes(body))) for at, id_, body in await cursor.fetchall()]
    if span.type in {None, USED}:
        cursor = await connection.execute(SQL.uses, parameters)
        found += [use_entry(*row) for row in await cursor.fetchall()]
    newest = sorted(found, key=lambda entry: (entry.at, entry.id), reverse=True)[:limit]
    return await with_completions(connection, newest)
