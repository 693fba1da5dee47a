"""Uses of an organization's keys on days of the test's choice, written to the log and counted."""

from collections.abc import Iterable
from datetime import datetime

from domain.usage.events import UsageEvent
from infrastructure.database.connections import WORKER_ROLE, connect
from projections.engine.runner import run_projection
from projections.read_models.usage.apply import USAGE
from tests.app.organizations import Api
from tests.projections.usage.uses import append


def record(api: Api, at: datetime, events: Iterable[UsageEvent], producer: str = "tests") -> None:
    """What a batch of uses at the instant `at` leaves in the log, in the lane of `producer`."""

    async def written() -> None:
        async with await connect(api.database.url, role=WORKER_ROLE) as connection:
            await append(connection, producer, at, events)

    api.database.run(written())


def count(api: Api) -> None:
    """Count all uses that are in the log, as the worker does every second."""

    async def counted() -> None:
        async with await connect(api.database.url, role=WORKER_ROLE) as connection:
            assert (await run_projection(connection, USAGE, 60)).stopped == {}

    api.database.run(counted())
