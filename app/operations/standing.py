"""How everything that the API works with stands at this moment, for health and figures alike.

Asked once a second at most, whoever and how often asks, and within a bounded time.
"""

import asyncio
from time import monotonic

from msgspec import Struct

from app.operations.jobs_state import JobsState, JobsUnknown, jobs_state
from app.operations.log_state import LogState, log_state
from app.patience import within
from eventstore.database import Pool
from eventstore.errors import UNAVAILABLE

_KEPT_SECONDS = 1.0
_PATIENCE_SECONDS = 2.0


class State(Struct, frozen=True):
    """None: the server that knows does not answer. `unusable`: why the database is not used although it answers."""

    log: LogState | None
    jobs: JobsState | None
    unusable: str | None = None


class Standing:
    """One for the process. Without a `redis_url` nothing is known of the workers."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._asking = asyncio.Lock()
        self._asked = -_KEPT_SECONDS
        self._state = State(None, None)

    async def look(self, pool: Pool) -> State:
        async with self._asking:
            if monotonic() - self._asked >= _KEPT_SECONDS:
                (log, unusable), jobs = await asyncio.gather(_log(pool), self._jobs())
                self._state = State(log, jobs, unusable)
                self._asked = monotonic()
        return self._state

    async def _jobs(self) -> JobsState | None:
        if not self._redis_url:
            return None
        try:
            return await within(_PATIENCE_SECONDS, jobs_state(self._redis_url))
        except (JobsUnknown, TimeoutError):
            return None


async def _log(pool: Pool) -> tuple[LogState | None, str | None]:
    try:
        return await within(_PATIENCE_SECONDS, log_state(pool)), None
    except UNAVAILABLE:
        return None, str(pool.not_applied) if pool.not_applied else None
