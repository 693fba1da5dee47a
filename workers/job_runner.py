"""Execution of a job: on its own pool, within a time limit, and with little logging during an outage of the database.

Opening the pool costs 6 ms per job (0.2 ms for a pool that stays open). In return, a job leaves no state in the process
and does not depend on what happened to the server before.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta

import structlog

from infrastructure.clock import correct_by
from infrastructure.database.clock import ClockDiffers, is_too_far, read_clock
from infrastructure.database.connections import WORKER_ROLE, Connection, Pool, pool
from infrastructure.database.errors import UNAVAILABLE, Unavailable
from infrastructure.log_throttle import LogThrottle
from infrastructure.setting import WORKERS
from infrastructure.settings import Settings

CONNECTIONS_MAX = 8
WORK_SECONDS = 0.5
"""How long a job looks for more work. The next tick does the rest, so that the other jobs get their turn."""

_LIMIT_SECONDS = 20.0

_log = structlog.get_logger(__name__)
_unavailable = LogThrottle()


class LastRun:
    """The job that this process ran last. A worker runs one job at a time.

    `complete`: no work had to be left to the next tick. `clock_ahead`: how far the clock of this machine was ahead of
    the database's clock.
    """

    def __init__(self) -> None:
        self.complete = True
        self.clock_ahead: timedelta | None = None

    def begin(self) -> None:
        self.complete = True


last_run = LastRun()


def run_job(work: Callable[[Pool], Awaitable[None]], *, irreversible: bool = True) -> None:
    """Run `work`. If the database does not respond, the job does not fail, because the next tick completes its work.

    `irreversible`: some of the work depends on the time and cannot be undone, such as an expiry, a removal or a mail.
    It is skipped while the clock of this machine differs too much from the database's clock.
    """
    run_job_with_config(lambda connections, _: work(connections), irreversible=irreversible)


def run_job_with_config(work: Callable[[Pool, Settings], Awaitable[None]], *, irreversible: bool = True) -> None:
    """Run work that needs the whole configuration, not only the database."""
    config = Settings.from_environment(os.environ, WORKERS)
    _tolerate_outage(_with_pool(config.database_url, lambda connections: work(connections, config), irreversible))


def run_long_job(work: Callable[[Settings], Awaitable[None]], seconds: float) -> None:
    """Run work that opens its own resources and may take `seconds`."""
    _tolerate_outage(_within(work(Settings.from_environment(os.environ, WORKERS)), seconds))


def _tolerate_outage(work: Coroutine[None, None, None]) -> None:
    try:
        asyncio.run(work)
    except ClockDiffers as error:
        last_run.complete = False
        if _unavailable("clock"):
            _log.error("clock_differs", reason=str(error))
    except (Unavailable, *UNAVAILABLE) as error:
        last_run.complete = False
        if _unavailable("database"):
            _log.warning("database_unavailable", error=type(error).__name__)
    else:
        _unavailable.forget_one("database")
    finally:
        # The machine's clock may be set before the next job, which measures the difference again.
        correct_by(timedelta(0))


async def _with_pool(url: str, work: Callable[[Pool], Awaitable[None]], irreversible: bool) -> None:  # noqa: FBT001
    async def opened() -> None:
        async with pool(url, role=WORKER_ROLE, size_max=CONNECTIONS_MAX) as connections:
            async with connections.connection() as connection:
                await check_clock(connection, irreversible=irreversible)
            await work(connections)

    await _within(opened(), _LIMIT_SECONDS)


async def check_clock(connection: Connection, *, irreversible: bool) -> None:
    """Use the database's clock from now on.

    Raises `ClockDiffers` if the difference is too large for irreversible work.
    """
    last_run.clock_ahead = await read_clock(connection)
    if irreversible and is_too_far(last_run.clock_ahead):
        raise ClockDiffers(last_run.clock_ahead)


async def _within(work: Awaitable[None], seconds: float) -> None:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            await work
    except TimeoutError:
        if not limit.expired():
            raise
        last_run.complete = False
        # The database may be available. The next run continues what was too much for this one.
        _log.warning("job_timed_out", after_seconds=seconds)
