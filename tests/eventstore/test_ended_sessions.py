"""Sessions that PostgreSQL ends because a transaction stays open too long, for example in a starved process."""

import asyncio
from typing import LiteralString

import pytest

from infrastructure.database.connections import Pool
from infrastructure.database.errors import UNAVAILABLE
from infrastructure.database.tenant import read_transaction

pytestmark = pytest.mark.anyio

IDLE: LiteralString = "set local idle_in_transaction_session_timeout = '50ms'"
LONG: LiteralString = "set local transaction_timeout = '50ms'"


@pytest.mark.parametrize("limit", [IDLE, LONG], ids=["idle", "long"])
async def test_a_session_that_timed_out_in_a_transaction_is_unavailable_and_replaced(
    connections: Pool, limit: LiteralString
) -> None:
    with pytest.raises(UNAVAILABLE):
        await _read_too_slowly(connections, limit)
    async with read_transaction(connections, "org_a") as connection:
        await connection.execute("select 1")


async def _read_too_slowly(connections: Pool, limit: LiteralString) -> None:
    async with read_transaction(connections, "org_a") as connection:
        await connection.execute(limit)
        await asyncio.sleep(0.5)
        await connection.execute("select 1")
