"""Run async projections for as long as a job may take."""

import asyncio
from collections.abc import Sequence
from itertools import count
from time import monotonic
from typing import Any

import structlog

from infrastructure.database.connections import Pool
from infrastructure.log_throttle import LogThrottle
from projections.engine.runner import AsyncProjection, RunResult, run_projection
from workers.job_runner import WORK_SECONDS

_RUNNERS = 2
"""The number of concurrent runners when one is too slow. More would leave too little of the database to its clients."""

_START_SECONDS = 5.0
"""How long a run starts more pages. With the time of one page added, it stays below the time limit of a job."""

_runs = count()

_log = structlog.get_logger(__name__)
_news = LogThrottle()


async def run_all(pool: Pool, followers: Sequence[AsyncProjection[Any]]) -> None:
    """Run each projection for its share of the time. A stopped lane is logged now and then, and the others continue.

    On a slow machine, a single page takes longer than the share. No more pages are started then, so that no page is cut
    off and its work lost. The next run starts with another projection, so that none of them falls behind.
    """
    deadline = monotonic() + _START_SECONDS
    first = next(_runs) % len(followers)
    for follower in (*followers[first:], *followers[:first]):
        if monotonic() >= deadline:
            return
        seconds = WORK_SECONDS / len(followers)
        followed = await _follow(pool, follower, seconds)
        if followed.unfinished and monotonic() < deadline:
            followed = await run_concurrently(pool, follower, seconds)
        for lane, reason in followed.stopped.items():
            if _news(f"{follower.name} {lane} {reason}"):
                _log.error("lane_stopped", projection=follower.name, log=follower.log, lane=lane, reason=reason)


async def run_concurrently(pool: Pool, follower: AsyncProjection[Any], seconds: float) -> RunResult:
    """Process several lanes concurrently. Each runner skips lanes that another runner holds."""
    runs = await asyncio.gather(*[_follow(pool, follower, seconds) for _ in range(_RUNNERS)])
    total = RunResult()
    for followed in runs:
        total.applied += followed.applied
        total.unfinished |= followed.unfinished
        total.stopped |= followed.stopped
        total.delayed |= followed.delayed
    return total


async def _follow(pool: Pool, follower: AsyncProjection[Any], seconds: float) -> RunResult:
    async with pool.connection() as connection:
        return await run_projection(connection, follower, seconds)
