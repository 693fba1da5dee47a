"""What became of a transaction is found out by what it left in the log, whatever its attempt does in the meantime."""

import asyncio

import pytest

from eventstore.outcome import Attempt
from infrastructure.database.connections import Connection, Pool
from infrastructure.database.statements import Statement
from tests import seed
from tests.eventstore.changes import value
from tests.workers.log_view import eventually

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("proof", "outcome"), [(b"select 1", "made"), (b"select 1 where false", "not_made")])
async def test_an_attempt_that_begins_again_does_not_change_the_outcome_of_the_one_before(
    connections: Pool, connection: Connection, proof: bytes, outcome: str
) -> None:
    organization_id = await seed.organization(connections)
    attempt = Attempt()
    lock = attempt.begin()
    attempt.sends_commit("result", Statement(proof, ()))
    async with connection.transaction():
        await connection.execute(*lock)
        looking = asyncio.create_task(attempt.outcome(connections, organization_id))

        async def waits() -> bool:
            waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
            return bool(await value(connection, waiting))

        await eventually(waits)
        attempt.restart()
    assert await looking == outcome
