"""Pages of the two logs for async projections, and the range of a page of uses."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from eventstore.reader import UsageBatch, read_lifecycle, read_usage_batches
from eventstore.recorded import Recorded
from infrastructure.database.connections import Connection


def lifecycle_reader(events_max: int) -> Callable[[Connection, int, int], Awaitable[list[Recorded[Any]]]]:
    """Return a function that reads at most `events_max` events of a lane."""

    async def read(connection: Connection, lane: int, after: int) -> list[Recorded[Any]]:
        return await read_lifecycle(connection, lane, after, events_max)

    return read


def usage_reader(batches_max: int, uses_max: int) -> Callable[[Connection, int, int], Awaitable[list[UsageBatch]]]:
    """Return a function that reads at most `batches_max` batches of a lane with `uses_max` events, but at least one."""

    async def read(connection: Connection, lane: int, after: int) -> list[UsageBatch]:
        page: list[UsageBatch] = []
        uses = 0
        for batch in await read_usage_batches(connection, lane, after, batches_max):
            uses += batch.size
            if page and uses > uses_max:
                break
            page.append(batch)
        return page

    return read


class BatchRange(NamedTuple):
    """The batches of a lane from `first` to `last`. Their times, `since` to `until`, select the partitions."""

    lane: int
    first: int
    last: int
    since: datetime
    until: datetime


def range_of(page: Sequence[UsageBatch]) -> BatchRange:
    """Return the range of `page`. Its field names are parameters of statements."""
    times = [batch.occurred_at for batch in page]
    return BatchRange(page[0].lane, page[0].batch_no, page[-1].batch_no, min(times), max(times))
