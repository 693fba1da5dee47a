"""Statements that a connection plans once, against a real database."""

import pytest

from infrastructure.database.connections import connect
from infrastructure.database.planning import read_planned_once

pytestmark = pytest.mark.anyio


async def test_a_statement_is_planned_once_for_all_parameters_and_others_as_usual(database_url: str) -> None:
    async with await connect(database_url, role=None) as connection, connection.transaction():
        for value in range(3):
            assert await read_planned_once(connection, b"select %(value)s::int", {"value": value}) == [(value,)]
        cursor = await connection.execute(
            "select generic_plans, custom_plans from pg_prepared_statements where statement like 'select $1::int%'"
        )
        assert await cursor.fetchall() == [(3, 0)]
        cursor = await connection.execute("select current_setting('plan_cache_mode')")
        assert await cursor.fetchone() == ("auto",)
