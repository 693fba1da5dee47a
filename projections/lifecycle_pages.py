"""Pages of the lifecycle log, for the read models that follow it."""

from collections.abc import Awaitable, Callable
from typing import Any

from eventstore.database import Connection
from eventstore.reader import read_lifecycle
from eventstore.recorded import Recorded


def pages_of(events_max: int) -> Callable[[Connection, int, int], Awaitable[list[Recorded[Any]]]]:
    """Reads so many events of a lane at most."""

    async def read(connection: Connection, lane: int, after: int) -> list[Recorded[Any]]:
        return await read_lifecycle(connection, lane, after, events_max)

    return read
