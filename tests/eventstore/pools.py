"""What a pool must be after whatever happened to those who used it."""

from infrastructure.database.connections import Connection, Pool
from tests.eventstore.changes import value
from tests.workers.log_view import eventually

_STATE = """
select current_user::text, current_setting('search_path'), current_setting('row_security'),
       coalesce(nullif(current_setting('keyledger.organization_id', true), ''), 'nobody')
"""
_OPEN = """
select count(*) from pg_stat_activity
where datname = current_database() and application_name = 'keyledger' and state like 'idle in transaction%%'
"""


async def is_as_new(connections: Pool) -> None:
    """Every way of using a connection works, and it is the application's, bound to no organization."""
    async with connections.connection() as connection:
        row = await (await connection.execute(_STATE)).fetchone()
        assert row == ("keyledger_app", "public", "on", "nobody")
        async with connection.pipeline():
            both = [await connection.execute("select 1"), await connection.execute("select 2")]
        assert [await cursor.fetchone() for cursor in both] == [(1,), (2,)]
        async with connection.transaction():
            await connection.execute("select 1; select 2")


async def eventually_none_is_open(connection: Connection) -> None:
    """The server has let go of everything that those who were interrupted had begun."""

    async def none_is_open() -> bool:
        return bool(await value(connection, _OPEN) == 0)

    await eventually(none_is_open)
