"""Pages of the usage log, for the read models that count it set by set: how much at once, and where it lies."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from eventstore.reader import UsageBatch, read_usage_batches
from infrastructure.database.connections import Connection


def usage_reader(batches_max: int, uses_max: int) -> Callable[[Connection, int, int], Awaitable[list[UsageBatch]]]:
    """Reads so many batches of a lane, and events in them, at most; one batch at least."""

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
    """The batches of a lane from `first` to `last`; their instants, `since` to `until`, choose the partitions."""

    lane: int
    first: int
    last: int
    since: datetime
    until: datetime


def span_of(page: Sequence[UsageBatch]) -> BatchRange:
    """Where the events of `page` lie: by name, parameters of a statement."""
    instants = [batch.occurred_at for batch in page]
    return BatchRange(page[0].lane, page[0].batch_no, page[-1].batch_no, min(instants), max(instants))
