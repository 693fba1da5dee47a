"""Brings read models that follow a log up to date, for as long as a job may take."""

from collections.abc import Sequence
from typing import Any

import structlog

from eventstore.database import Pool
from projections.following import Follower, follow
from workers.run import WORK_SECONDS
from workers.seldom import Seldom

_log = structlog.get_logger(__name__)
_news = Seldom()


async def follow_all(pool: Pool, followers: Sequence[Follower[Any]]) -> None:
    """Each gets its share of the time. A lane that stopped is said now and then; the others go on."""
    for follower in followers:
        async with pool.connection() as connection:
            followed = await follow(connection, follower, WORK_SECONDS / len(followers))
        for lane, reason in followed.stopped.items():
            if _news(f"{follower.projection} {lane} {reason}"):
                _log.error("lane_stopped", projection=follower.projection, log=follower.log, lane=lane, reason=reason)
