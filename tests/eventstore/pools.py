"""Checks of a pool after its users failed or were interrupted."""

from infrastructure.database.connections import Connection, Pool
from tests.eventstore.changes import value
from tests.workers.log_view import eventually

_STATE = """
select current_user::text, current_setting('search_path'), current_setting('row_security'),
       coalesce(nullif(current_setting('keyledger.organization_id', true), ''), 'unbound')
"""
_OPEN = """
select count(*) from pg_stat_activity
where datname = current_database() and application_name = 'keyledger' and state like 'idle in transaction%%'
"""


async def assert_usable(connections: Pool) -> None:
    """Check that a connection works in every mode, has the application's role and is bound to no organization."""
    async with connections.connection() as connection:
        row = await (await connection.execute(_STATE)).fetchone()
        assert row == ("keyledger_app", "public", "on", "unbound")
        async with connection.pipeline():
            both = [await connection.execute("select 1"), await connection.execute("select 2")]
        assert [await cursor.fetchone() for cursor in both] == [(1,), (2,)]
        async with connection.transaction():
            await connection.execute("select 1; select 2")


async def wait_until_no_transaction_is_open(connection: Connection) -> None:
    """Wait until the server has ended every transaction of the interrupted callers."""

    async def none_is_open() -> bool:
        return bool(await value(connection, _OPEN) == 0)

    await eventually(none_is_open)
