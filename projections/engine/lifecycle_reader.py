"""Pages of the lifecycle log, for the read models that follow it."""

from collections.abc import Awaitable, Callable
from typing import Any

from eventstore.reader import read_lifecycle
from eventstore.recorded import Recorded
from infrastructure.database.connections import Connection


def lifecycle_reader(events_max: int) -> Callable[[Connection, int, int], Awaitable[list[Recorded[Any]]]]:
    """Reads so many events of a lane at most."""

    async def read(connection: Connection, lane: int, after: int) -> list[Recorded[Any]]:
        return await read_lifecycle(connection, lane, after, events_max)

    return read
