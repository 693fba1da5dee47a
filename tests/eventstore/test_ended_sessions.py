"""PostgreSQL ends a session that keeps a transaction open too long, as that of a process that got no CPU time."""

import asyncio
from typing import LiteralString

import psycopg
import pytest

from app.problems import as_problem
from eventstore.bound import reading
from eventstore.database import Pool

pytestmark = pytest.mark.anyio

IDLE: LiteralString = "set local idle_in_transaction_session_timeout = '50ms'"
LONG: LiteralString = "set local transaction_timeout = '50ms'"


@pytest.mark.parametrize("limit", [IDLE, LONG], ids=["idle", "long"])
async def test_a_session_that_ended_within_a_transaction_is_no_fault_of_the_request(
    connections: Pool, limit: LiteralString
) -> None:
    with pytest.raises(psycopg.Error) as ended:
        await _read_too_slowly(connections, limit)
    problem = as_problem(ended.value)
    assert (problem.code, problem.details["outcome"]) == ("unavailable", "not_recorded")
    async with reading(connections, "org_a") as connection:
        await connection.execute("select 1")


async def _read_too_slowly(connections: Pool, limit: LiteralString) -> None:
    async with reading(connections, "org_a") as connection:
        await connection.execute(limit)
        await asyncio.sleep(0.5)
        await connection.execute("select 1")
