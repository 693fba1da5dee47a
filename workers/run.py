"""How a job runs: on a pool of its own, within a bounded time, and without noise while the database is away.

Opening the pool costs 6 ms a job (0.2 ms when one is kept); in exchange a job leaves nothing behind in the process, and
whatever happened to the server before it does not matter.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine

import structlog

from eventstore.database import WORKER_ROLE, Pool, pool
from eventstore.errors import UNAVAILABLE, Unavailable
from workers.config import Config
from workers.seldom import Seldom

CONNECTIONS_MAX = 8
WORK_SECONDS = 0.5
"""How long a job goes on finding more to do: what is left is the next tick's, and the jobs behind it get their turn."""

_LIMIT_SECONDS = 20.0

_log = structlog.get_logger(__name__)
_unavailable = Seldom()


def run(work: Callable[[Pool], Awaitable[None]]) -> None:
    """Carry out `work`. That the database does not answer is no failure of the job: the next tick makes it good."""
    run_configured(lambda connections, _: work(connections))


def run_configured(work: Callable[[Pool, Config], Awaitable[None]]) -> None:
    """The same for work that needs more of the configuration than the database."""
    config = Config.from_environment(os.environ)
    _patiently(_with_pool(config.database_url, lambda connections: work(connections, config)))


def run_at_leisure(work: Callable[[Config], Awaitable[None]], seconds: float) -> None:
    """The same for work that opens what it needs itself, and may take `seconds`."""
    _patiently(_within(work(Config.from_environment(os.environ)), seconds))


def _patiently(work: Coroutine[None, None, None]) -> None:
    try:
        asyncio.run(work)
    except (Unavailable, *UNAVAILABLE) as error:
        if _unavailable("database"):
            _log.warning("database_unavailable", error=type(error).__name__)
    else:
        _unavailable.forget()


async def _with_pool(url: str, work: Callable[[Pool], Awaitable[None]]) -> None:
    async def opened() -> None:
        async with pool(url, role=WORKER_ROLE, size_max=CONNECTIONS_MAX) as connections:
            await work(connections)

    await _within(opened(), _LIMIT_SECONDS)


async def _within(work: Awaitable[None], seconds: float) -> None:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            await work
    except TimeoutError:
        if not limit.expired():
            raise
        # The database may be well: what was too much for one run is the next one's.
        _log.warning("job_cut_off", after_seconds=seconds)
