"""State of the event log and its followers, as stored in the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from eventstore.lane_heads import Head, heads, partitions_ahead
from infrastructure.clock import now
from infrastructure.database.clock import read_clock
from infrastructure.database.connections import Connection, Pool
from infrastructure.database.migrate import missing
from projections.engine.runner import AsyncProjection, lags, usage_waits_since
from projections.engine.schema import scripts
from projections.engine.stopped_lanes import Stopped, stopped_lanes
from projections.outboxes.webhooks.queries import AttemptTotals, attempt_totals, waiting
from projections.registry import ASYNC_PROJECTIONS


class FollowerLag(Struct, frozen=True):
    """`positions` not yet applied, in all lanes, and the `seconds` since the oldest of them was written.

    `seconds` is None where it cannot be determined: row-level security hides the log of changes from this role, and a
    follower that has never run has no position to count from.
    """

    projection: str
    log: str
    positions: int
    seconds: float | None


class WebhooksWaiting(Struct, frozen=True):
    """`messages` waiting for delivery, and by how many `seconds` the first one is late."""

    messages: int = 0
    seconds: float = 0.0


class WebhooksState(Struct, frozen=True):
    """Messages waiting for working and for failing endpoints, and the results of all attempts."""

    answering: WebhooksWaiting
    failing: WebhooksWaiting
    outcomes: AttemptTotals


class LogState(Struct, frozen=True):
    missing_migrations: Sequence[str]
    heads: Sequence[Head] = ()
    followers: Sequence[FollowerLag] = ()
    partitions_ahead: int = 0
    stopped: Sequence[Stopped] = ()
    webhooks: WebhooksState | None = None
    clock_seconds: float = 0.0
    """Lead of this machine's clock over the database's clock."""


async def log_state(pool: Pool) -> LogState:
    """Return the state of the log. Raise the driver's errors if the database does not respond."""
    async with pool.connection() as connection:
        clock_seconds = (await read_clock(connection)).total_seconds()
        lacking = await missing(connection, scripts())
        if lacking:
            return LogState(lacking, clock_seconds=clock_seconds)
        at = now()
        followers = [await _lag(connection, follower, at) for follower in ASYNC_PROJECTIONS]
        ahead = await partitions_ahead(connection, at.date())
        webhooks = await _webhooks(connection, at)
        return LogState(
            missing_migrations=lacking,
            heads=await heads(connection),
            followers=followers,
            partitions_ahead=ahead,
            stopped=await stopped_lanes(connection),
            webhooks=webhooks,
            clock_seconds=clock_seconds,
        )


async def _lag(connection: Connection, follower: AsyncProjection[Any], at: datetime) -> FollowerLag:
    positions = sum(lag.behind for lag in await lags(connection, follower))
    seconds = None if positions else 0.0
    if positions and follower.log == "usage":
        since = await usage_waits_since(connection, follower)
        seconds = None if since is None else max((at - since).total_seconds(), 0.0)
    return FollowerLag(follower.name, follower.log, positions, seconds)


async def _webhooks(connection: Connection, at: datetime) -> WebhooksState:
    found = {
        each.failing: WebhooksWaiting(each.messages, max((at - each.due_since).total_seconds(), 0.0))
        for each in await waiting(connection)
    }
    nothing = WebhooksWaiting()
    return WebhooksState(found.get(False, nothing), found.get(True, nothing), await attempt_totals(connection))
