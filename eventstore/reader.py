"""Read a lane in order.

A reader requests the rows after its last position, and the first row must have the very next position. A gap is
corruption: the reader stops there and skips no event.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from eventstore.codec import decode_event, decode_record
from eventstore.errors import Corruption
from eventstore.queries import SQL
from eventstore.recorded import Record, Recorded
from infrastructure.database.connections import Connection


class PositionGap(Corruption):
    """A position is missing from a lane."""


@dataclass(frozen=True, slots=True)
class UsageBatch:
    lane: int
    batch_no: int
    size: int
    occurred_at: datetime


async def read_lifecycle(connection: Connection, lane: int, after: int, limit: int) -> list[Recorded[Any]]:
    """Return the next events of `lane` after the position `after`, at most `limit`.

    The list ends before an event that is missing or cannot be read. Raises `Corruption` if that is the first one.
    """
    cursor = await connection.execute(SQL.lifecycle_read, (lane, after, limit))
    recorded: list[Recorded[Any]] = []
    for position, body, *columns in await cursor.fetchall():
        try:
            _expect("lifecycle", lane, after + len(recorded) + 1, position)
            recorded.append(_recorded(lane, position, bytes(body), columns))
        except Corruption:
            if not recorded:
                raise
            break
    return recorded


async def read_usage_batches(connection: Connection, lane: int, after: int, limit: int) -> list[UsageBatch]:
    """Return the next batches of `lane` after the batch `after`, at most `limit`. It ends before a missing one."""
    cursor = await connection.execute(SQL.usage_read_batches, (lane, after, limit))
    batches: list[UsageBatch] = []
    for batch_no, size, occurred_at in await cursor.fetchall():
        if batches and batch_no != batches[-1].batch_no + 1:
            break
        _expect("usage", lane, after + len(batches) + 1, batch_no)
        batches.append(UsageBatch(lane, batch_no, size, occurred_at))
    return batches


def _recorded(lane: int, position: int, body: bytes, columns: list[object]) -> Recorded[Any]:
    try:
        record = decode_record(body)
        event = decode_event(record)
    except Corruption as error:
        raise Corruption(f"lifecycle lane {lane} position {position}: {error}") from error
    return Recorded(
        lane=lane,
        position=position,
        record=record,
        event=event,
        hash=sha256(body).hexdigest(),
        columns_agree=columns == _columns(record),
    )


def _columns(record: Record) -> list[object]:
    return [record.stream_id, record.version, record.id, record.type, record.organization_id, record.occurred_at]


def _expect(log: str, lane: int, expected: int, found: int) -> None:
    if found != expected:
        raise PositionGap(f"{log} lane {lane}: expected position {expected}, found {found}")
