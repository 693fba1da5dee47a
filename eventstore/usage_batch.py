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
from infrastructure.database.errors import StorageError
from infrastructure.database.pipeline import Pipeline
from infrastructure.database.prepared import Call, PreparedStatement, bytea_array
from infrastructure.database.standbys import BARRIER

_APPEND = PreparedStatement.of("usage_append", SQL.usage_append)
_FIND = PreparedStatement.of("usage_batch_find", SQL.usage_batch_find)
_ENSURE_PARTITION = PreparedStatement.of("usage_partition_ensure", SQL.usage_partition_ensure)


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


async def append_once(pipeline: Pipeline, batch: Batch) -> None:
    """Append `batch` unless an earlier attempt already did. If the connection breaks, call it again on a new one."""
    if batch.unconfirmed and await _is_in_log(pipeline, batch):
        return
    batch.unconfirmed = True
    append = _append(batch)
    try:
        (appended,) = await pipeline.run(append)
    except psycopg.errors.CheckViolation:
        # The day has no partition yet. Partitions are not created for times without uses.
        await pipeline.run(_ENSURE_PARTITION.call(batch.at.date().isoformat().encode()))
        (appended,) = await pipeline.run(append)
    except psycopg.errors.UniqueViolation:
        # The earlier attempt was still running at the lookup, and has been committed since.
        if not await _is_in_log(pipeline, batch):
            raise
        return
    if appended.command_tuples != len(batch.events):
        raise StorageError(f"lane {batch.lane} took {appended.command_tuples} of {len(batch.events)} events")


async def _is_in_log(pipeline: Pipeline, batch: Batch) -> bool:
    (found,) = await pipeline.run(_FIND.call(batch.producer.encode(), b"%d" % batch.sequence))
    if not found.ntuples:
        return False
    await pipeline.run(BARRIER)
    return True


def _append(batch: Batch) -> Call:
    bodies = [encode(event) for event in batch.events]
    return _APPEND.call(
        b"%d" % batch.lane,
        batch.producer.encode(),
        b"%d" % batch.sequence,
        b"%d" % len(bodies),
        batch.at.isoformat().encode(),
        bytea_array(bodies),
    )
