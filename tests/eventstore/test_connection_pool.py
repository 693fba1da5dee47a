"""The pool hands out only connections that are what they were asked to be; any other one is replaced and counted."""

import asyncio
from contextlib import suppress
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg_pool import PoolTimeout

from infrastructure.database.connections import Connection, Pool, Timeouts, pool
from tests.eventstore.cutting_proxy import Cut, cutting_proxy
from tests.eventstore.pools import is_as_new
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


@pytest.mark.parametrize("words", LEFT_BEHIND.values(), ids=LEFT_BEHIND)
async def test_a_connection_that_was_left_otherwise_is_replaced_and_counted(
    database_url: str, owner: Connection, words: LiteralString
) -> None:
    await owner.execute(sql.SQL("grant keyledger_worker to {}").format(sql.Identifier(owner.info.user)))
    async with pool(database_url, size_max=1, timeouts=GENEROUS_TIMEOUTS) as connections:
        taken = await connections.getconn()
        with suppress(psycopg.Error):
            await taken.execute(words)
        await connections.putconn(taken)
        await is_as_new(connections)
        async with connections.connection() as next_one:
            assert next_one is not taken
        assert sum(connections.replaced.values()) == 1


async def test_a_server_that_falls_silent_keeps_no_caller_waiting_and_its_connection_is_replaced(
    database_url: str,
) -> None:
    """The wire takes every statement and brings no answer, as a server does that is paused."""
    async with (
        cutting_proxy(database_url) as proxy,
        pool(proxy.url, size_max=1, timeouts=Timeouts(acquire=2)) as connections,
    ):
        await is_as_new(connections)
        proxy.cut_at(b"current_user", Cut.WITHOUT_ENDING)
        with pytest.raises(PoolTimeout):
            await asyncio.wait_for(connections.getconn(), 30)
        assert proxy.cuts == 1
        assert connections.replaced == {"lost": 1}
        await is_as_new(connections)


async def test_an_error_whose_cause_may_be_the_connection_replaces_it(one: Pool) -> None:
    """Whatever it was that was left open, the same connection is not tried again and again."""
    seen: list[Connection] = []

    async def fail(words: bytes) -> None:
        async with one.connection() as connection:
            seen.append(connection)
            await connection.execute(words)

    for words in (b"select * from nowhere", b"bogus"):
        with pytest.raises(psycopg.ProgrammingError):
            await fail(words)
    assert seen[0] is not seen[1]
    assert one.replaced == {"error": 2}
    await is_as_new(one)


async def test_what_is_refused_by_a_rule_of_the_data_replaces_no_connection(one: Pool) -> None:
    seen: list[Connection] = []

    async def fail() -> None:
        async with one.connection() as connection:
            seen.append(connection)
            await connection.execute("select 1 / 0")

    with pytest.raises(psycopg.errors.DivisionByZero):
        await fail()
    async with one.connection() as again:
        assert [again] == seen
    assert not one.replaced


async def test_a_caller_that_is_cancelled_while_others_take_and_give_back_loses_no_connection(
    database_url: str,
) -> None:
    """The pool takes connections back by itself: a second cancellation finds nobody in the middle of it."""
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
