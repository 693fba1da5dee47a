"""Brings read models that follow a log up to date, for as long as a job may take."""

import asyncio
from collections.abc import Sequence
from itertools import count
from time import monotonic
from typing import Any

import structlog

from infrastructure.database.connections import Pool
from projections.engine.runner import AsyncProjection, RunResult, run_projection
from workers.job_runner import WORK_SECONDS
from workers.log_throttle import LogThrottle

_SIDE_BY_SIDE = 2
"""Lanes at once, where one after the other is too slow: more would leave nothing to those who use the database."""

_BEGIN_SECONDS = 5.0
"""How long a run goes on beginning more. With the time that a page may take, it stays below the limit of a job."""

_turns = count()

_log = structlog.get_logger(__name__)
_news = LogThrottle()


async def run_all(pool: Pool, followers: Sequence[AsyncProjection[Any]]) -> None:
    """Each gets its share of the time. A lane that stopped is said now and then; the others go on.

    On a slow machine a single page takes longer than the share. Then no more is begun, so that no page is cut off and
    its work lost, and the next run begins with another follower, so that none of them is left behind.
    """
    deadline = monotonic() + _BEGIN_SECONDS
    first = next(_turns) % len(followers)
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
    """Several lanes at a time; each runner passes over those that another one is at."""
    runs = await asyncio.gather(*[_follow(pool, follower, seconds) for _ in range(_SIDE_BY_SIDE)])
    whole = RunResult()
    for followed in runs:
        whole.applied += followed.applied
        whole.unfinished |= followed.unfinished
        whole.stopped |= followed.stopped
        whole.delayed |= followed.delayed
    return whole


async def _follow(pool: Pool, follower: AsyncProjection[Any], seconds: float) -> RunResult:
    async with pool.connection() as connection:
        return await run_projection(connection, follower, seconds)
