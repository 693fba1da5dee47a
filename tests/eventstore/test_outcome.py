"""The outcome of a transaction is determined by its record in the log, regardless of later attempts."""

import asyncio

import pytest

from eventstore.outcome import Attempt
from infrastructure.database.connections import Connection, Pool
from infrastructure.database.statements import Statement
from tests import seed
from tests.eventstore.changes import value
from tests.workers.log_view import eventually

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("proof", "outcome"), [(b"select 1", "committed"), (b"select 1 where false", "not_committed")])
async def test_a_retry_does_not_change_the_outcome_of_the_previous_attempt(
    connections: Pool, connection: Connection, proof: bytes, outcome: str
) -> None:
    organization_id = await seed.organization(connections)
    attempt = Attempt()
    lock = attempt.begin()
    attempt.before_commit("result", Statement(proof, ()))
    async with connection.transaction():
        await connection.execute(*lock)
        pending = asyncio.create_task(attempt.outcome(connections, organization_id))

        async def is_waiting() -> bool:
            waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
            return bool(await value(connection, waiting))

        await eventually(is_waiting)
        attempt.restart()
    assert await pending == outcome
