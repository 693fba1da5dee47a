"""Locks of a client that was killed in the middle of a statement."""

import os
import subprocess
import sys

import anyio
import pytest

from infrastructure.database.connections import MAINTENANCE_TIMEOUTS, connect
from tests.waiting import stretched

pytestmark = pytest.mark.anyio

_HOLDER = """
import asyncio, os
from infrastructure.database.connections import MAINTENANCE_TIMEOUTS, connect

async def main():
    connection = await connect(os.environ["DATABASE_URL"], timeouts=MAINTENANCE_TIMEOUTS)
    await connection.execute("select pg_advisory_lock(77)")
    print("held", flush=True)
    await connection.execute("select pg_sleep(3600)")

asyncio.run(main())
"""


async def test_the_locks_of_a_killed_process_are_released_before_its_statement_would_end(database_url: str) -> None:
    environment = {**os.environ, "DATABASE_URL": database_url}
    with subprocess.Popen([sys.executable, "-c", _HOLDER], env=environment, stdout=subprocess.PIPE) as holder:  # noqa: ASYNC220
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        async with await connect(database_url, timeouts=MAINTENANCE_TIMEOUTS) as connection:
            await _wait_for_row(
                database_url, b"select 1 from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'"
            )
            holder.kill()
            with anyio.fail_after(stretched(10)):
                await connection.execute(b"select pg_advisory_lock(77)")


async def _wait_for_row(database_url: str, statement: bytes) -> None:
    async with await connect(database_url, role=None) as connection:
        with anyio.fail_after(stretched(10)):
            found = None
            while found is None:
                found = await (await connection.execute(statement)).fetchone()
                await anyio.sleep(0.05)
