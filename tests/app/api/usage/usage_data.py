"""Helpers that write uses of keys on given days to the log and count them."""

from collections.abc import Iterable
from datetime import datetime

from domain.usage.events import UsageEvent
from infrastructure.database.connections import WORKER_ROLE, connect
from projections.engine.runner import run_projection
from projections.read_models.keys.last_used.follow import KEY_RECENCY
from projections.read_models.usage.apply import USAGE
from projections.read_models.usage.organization_batches.apply import ORGANIZATION_BATCHES
from projections.read_models.usage.organization_hours.apply import ORGANIZATION_HOURS
from tests.app.organizations import Api
from tests.projections.usage.uses import append


def record(api: Api, at: datetime, events: Iterable[UsageEvent], producer: str = "tests") -> None:
    """Append a batch of uses at the instant `at` to the lane of `producer`."""

    async def write() -> None:
        async with await connect(api.database.url, role=WORKER_ROLE) as connection:
            await append(connection, producer, at, events)

    api.database.run(write())


COUNTED = (USAGE, ORGANIZATION_HOURS, ORGANIZATION_BATCHES, KEY_RECENCY)
"""The projections behind the pages about usage."""


def count(api: Api) -> None:
    """Count all uses in the log, as the worker does every second."""

    async def run() -> None:
        async with await connect(api.database.url, role=WORKER_ROLE) as connection:
            for follower in COUNTED:
                assert (await run_projection(connection, follower, 60)).stopped == {}

    api.database.run(run())
