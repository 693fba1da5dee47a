"""One batch of uses, appended to the log exactly once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zlib import crc32

import psycopg

from domain.usage.events import UsageEvent
from eventstore.codec import encode
from eventstore.lanes import LANES
from eventstore.queries import SQL
from infrastructure.database.connections import Connection
from infrastructure.database.errors import StorageError
from infrastructure.database.standbys import wait_for_standbys


@dataclass(slots=True)
class Batch:
    """The events that `producer` decided at the instant `at`. `sequence` counts the producer's batches.

    `unconfirmed`: the batch was sent once and no confirmation came.
    """

    producer: str
    sequence: int
    at: datetime
    events: Sequence[UsageEvent]
    unconfirmed: bool = False

    @property
    def lane(self) -> int:
        """Return the lane of the producer. A process writes to one lane, so processes do not wait for each other."""
        return crc32(self.producer.encode()) % LANES


async def append_once(connection: Connection, batch: Batch) -> None:
    """Append `batch` unless an earlier attempt already did. If the connection breaks, call it again on a new one."""
    if batch.unconfirmed and await _is_in_log(connection, batch):
        return
    batch.unconfirmed = True
    try:
        cursor = await connection.execute(SQL.usage_append, _parameters(batch))
    except psycopg.errors.CheckViolation:
        # The day has no partition yet. Partitions are not created for times without uses.
        await connection.execute(SQL.usage_partition_ensure, (batch.at.date(),))
        cursor = await connection.execute(SQL.usage_append, _parameters(batch))
    except psycopg.errors.UniqueViolation:
        # The earlier attempt was still running at the lookup, and has been committed since.
        if not await _is_in_log(connection, batch):
            raise
        return
    if cursor.rowcount != len(batch.events):
        raise StorageError(f"lane {batch.lane} took {cursor.rowcount} of {len(batch.events)} events")


async def _is_in_log(connection: Connection, batch: Batch) -> bool:
    cursor = await connection.execute(SQL.usage_batch_find, (batch.producer, batch.sequence))
    if await cursor.fetchone() is None:
        return False
    await wait_for_standbys(connection)
    return True


def _parameters(batch: Batch) -> tuple[object, ...]:
    bodies = [encode(event) for event in batch.events]
    return (batch.lane, batch.producer, batch.sequence, len(bodies), batch.at, bodies)
