"""Comparison of a process's clock with the database's clock, every second.

Each batch of verifications compares the clocks itself. This task covers work without batches, such as the requests of
signed-in users.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import structlog

from infrastructure.clock import correct_by
from infrastructure.database.clock import described, is_too_far, read_clock
from infrastructure.database.connections import Pool
from infrastructure.database.errors import UNAVAILABLE

_PACE_SECONDS = 1.0
_READINGS_PER_LOG_LINE = 60
"""Number of readings between two log lines about the same difference."""

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def clock_kept(pool: Pool) -> AsyncGenerator[asyncio.Task[None]]:
    """Correct the clock of this process while the body runs."""
    task = asyncio.create_task(_correct_clock(pool), name="clock")
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        correct_by(timedelta(0))


async def _correct_clock(pool: Pool) -> None:
    wrong = 0
    while True:
        # Until the database responds, the last correction stays in effect: nothing can be recorded in the meantime.
        with suppress(*UNAVAILABLE):
            async with pool.connection() as connection:
                ahead = await read_clock(connection)
            if is_too_far(ahead) and wrong % _READINGS_PER_LOG_LINE == 0:
                _log.error("clock_differs", reason=described(ahead))
            wrong = wrong + 1 if is_too_far(ahead) else 0
        await asyncio.sleep(_PACE_SECONDS)
