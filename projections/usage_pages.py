"""Pages of the usage log, for the read models that count it set by set: how much at once, and where it lies."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from eventstore.database import Connection
from eventstore.reader import UsageBatch, read_usage_batches


def pages_of(batches_max: int, uses_max: int) -> Callable[[Connection, int, int], Awaitable[list[UsageBatch]]]:
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


def span_of(page: Sequence[UsageBatch]) -> dict[str, int | datetime]:
    """Lane, first and last batch, and their instants, which choose the partitions: the parameters of a statement."""
    instants = [batch.occurred_at for batch in page]
    return {
        "lane": page[0].lane,
        "first": page[0].batch_no,
        "last": page[-1].batch_no,
        "since": min(instants),
        "until": max(instants),
    }
