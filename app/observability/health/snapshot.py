"""Snapshot of the systems that the API depends on, for health checks and metrics.

The systems are queried once a second at most, however often the snapshot is requested, and within a bounded time.
"""

import asyncio
from collections.abc import Callable, Coroutine
from time import monotonic

from msgspec import Struct

from app.observability.health.log_status import LogState, log_state
from app.observability.health.worker_status import JobsState, ValkeyUnavailable, jobs_state
from infrastructure.database.connections import Pool
from infrastructure.database.errors import UNAVAILABLE, Unavailable
from infrastructure.deadline import with_deadline

_MAX_AGE_SECONDS = 1.0
_TIMEOUT_SECONDS = 2.0


class State(Struct, frozen=True):
    """A part is None if its server does not respond. `unusable`: why a database that responds cannot be used.

    `verifies`: whether this process can verify keys.
    """

    log: LogState | None
    jobs: JobsState | None
    unusable: str | None = None
    verifies: bool = True


class SystemSnapshot:
    """The snapshot of this process. Without a `redis_url`, the state of the workers is unknown.

    `probe` makes a round trip through the group commit of verifications, and raises `Unavailable` if that fails.
    """

    def __init__(self, redis_url: str, probe: Callable[[], Coroutine[None, None, None]]) -> None:
        self._redis_url = redis_url
        self._probe = probe
        self._lock = asyncio.Lock()
        self._loaded_at = -_MAX_AGE_SECONDS
        self._state = State(None, None)

    async def load(self, pool: Pool) -> State:
        async with self._lock:
            if monotonic() - self._loaded_at >= _MAX_AGE_SECONDS:
                (log, unusable), jobs, verifies = await asyncio.gather(_log(pool), self._jobs(), self._verifies())
                self._state = State(log, jobs, unusable, verifies)
                self._loaded_at = monotonic()
        return self._state

    async def _verifies(self) -> bool:
        try:
            await with_deadline(_TIMEOUT_SECONDS, self._probe())
        except (Unavailable, TimeoutError):
            return False
        return True

    async def _jobs(self) -> JobsState | None:
        if not self._redis_url:
            return None
        try:
            return await with_deadline(_TIMEOUT_SECONDS, jobs_state(self._redis_url))
        except (ValkeyUnavailable, TimeoutError):
            return None


async def _log(pool: Pool) -> tuple[LogState | None, str | None]:
    try:
        return await with_deadline(_TIMEOUT_SECONDS, log_state(pool)), None
    except UNAVAILABLE:
        return None, str(pool.not_applied) if pool.not_applied else None
