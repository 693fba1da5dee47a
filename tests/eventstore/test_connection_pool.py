"""The pool hands out only connections with the requested settings; any other connection is replaced and counted."""

import asyncio
from contextlib import suppress
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg_pool import PoolTimeout

from infrastructure.database.connections import Connection, Pool, Timeouts, pool
from tests.eventstore.cutting_proxy import Cut, cutting_proxy
from tests.eventstore.pools import assert_usable
from tests.interrupting import DROPPED_BY_THE_DRIVER
from tests.waiting import GENEROUS_TIMEOUTS

pytestmark = [pytest.mark.anyio, DROPPED_BY_THE_DRIVER]

LEFT_BEHIND = {
    "a role": "set role keyledger_worker",
    "no role": "reset role; set role none",
    "a search path": "set search_path to pg_catalog",
    "no row-level security": "set row_security = off",
    "an organization": "select set_config('keyledger.organization_id', 'org_of_another', false)",
    "a timeout": "set statement_timeout = 0",
    "a transaction": "begin",
    "a transaction that failed": "begin; select 1; savepoint a; create table lane_heads ()",
}


@pytest.mark.parametrize("statement", LEFT_BEHIND.values(), ids=LEFT_BEHIND)
async def test_a_connection_returned_in_another_state_is_replaced_and_counted(
    database_url: str, owner: Connection, statement: LiteralString
) -> None:
    await owner.execute(sql.SQL("grant keyledger_worker to {}").format(sql.Identifier(owner.info.user)))
    async with pool(database_url, size_max=1, timeouts=GENEROUS_TIMEOUTS) as connections:
        damaged = await connections.getconn()
        with suppress(psycopg.Error):
            await damaged.execute(statement)
        await connections.putconn(damaged)
        await assert_usable(connections)
        async with connections.connection() as next_one:
            assert next_one is not damaged
        assert sum(connections.replaced.values()) == 1


async def test_a_silent_server_delays_no_caller_beyond_the_timeout_and_its_connection_is_replaced(
    database_url: str,
) -> None:
    """The proxy accepts every statement and returns no response, like a paused server."""
    async with (
        cutting_proxy(database_url) as proxy,
        pool(proxy.url, size_max=1, timeouts=Timeouts(acquire=2)) as connections,
    ):
        await assert_usable(connections)
        proxy.cut_at(b"current_user", Cut.WITHOUT_CLOSING)
        with pytest.raises(PoolTimeout):
            await asyncio.wait_for(connections.getconn(), 30)
        assert proxy.cuts == 1
        assert connections.replaced == {"lost": 1}
        await assert_usable(connections)


async def test_an_error_that_the_connection_may_have_caused_replaces_it(single_connection_pool: Pool) -> None:
    """A connection in an unknown state must not be reused again and again."""
    seen: list[Connection] = []

    async def fail(statement: bytes) -> None:
        async with single_connection_pool.connection() as connection:
            seen.append(connection)
            await connection.execute(statement)

    for statement in (b"select * from nowhere", b"bogus"):
        with pytest.raises(psycopg.ProgrammingError):
            await fail(statement)
    assert seen[0] is not seen[1]
    assert single_connection_pool.replaced == {"error": 2}
    await assert_usable(single_connection_pool)


async def test_a_data_error_does_not_replace_the_connection(single_connection_pool: Pool) -> None:
    seen: list[Connection] = []

    async def fail() -> None:
        async with single_connection_pool.connection() as connection:
            seen.append(connection)
            await connection.execute("select 1 / 0")

    with pytest.raises(psycopg.errors.DivisionByZero):
        await fail()
    async with single_connection_pool.connection() as again:
        assert [again] == seen
    assert not single_connection_pool.replaced


async def test_a_cancelled_caller_loses_no_connection_while_others_use_the_pool(
    database_url: str,
) -> None:
    """The pool itself takes connections back, so a second cancellation cannot interrupt that."""
    async with pool(database_url, size_max=2, timeouts=GENEROUS_TIMEOUTS) as connections:

        async def use() -> None:
            async with connections.connection() as connection:
                await connection.execute("select 1")

        for _ in range(30):
            tasks = [asyncio.create_task(use()) for _ in range(8)]
            for turn in range(12):
                await asyncio.sleep(0)
                tasks[turn % 8].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        async with connections.connection() as first, connections.connection() as second:
            assert first is not second
