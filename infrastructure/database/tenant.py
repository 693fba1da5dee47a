"""Transactions that are bound to one organization: row-level security shows them only its rows.

The binding is a setting of the transaction and ends with it. A connection that is returned to its pool is therefore
bound to no organization, and sees no rows until it is bound again.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from psycopg import AsyncClientCursor

from infrastructure.database.connections import Connection, Pool
from infrastructure.database.errors import UNAVAILABLE, Unconfirmed
from infrastructure.database.queries import SQL
from infrastructure.database.statements import Statement


@asynccontextmanager
async def read_transaction(pool: Pool, organization_id: str) -> AsyncGenerator[Connection]:
    """Open a transaction that reads the rows of one organization."""
    async with _begin(pool, Statement(SQL.begin_reading, (organization_id,))) as connection:
        yield connection


@asynccontextmanager
async def write_transaction(pool: Pool, organization_id: str) -> AsyncGenerator[Connection]:
    """Open a transaction that writes data of one organization outside the log; `eventstore.execute` writes events.

    Raise `Unconfirmed` if the commit was sent and not confirmed.
    """
    async with _confirmed(pool, Statement(SQL.begin_writing, (organization_id,))) as connection:
        yield connection


@asynccontextmanager
async def credential_lookup(pool: Pool) -> AsyncGenerator[Connection]:
    """Open a transaction that looks up a presented credential, whose organization is not yet known."""
    async with _begin(pool, Statement(SQL.begin_as_auth, ())) as connection:
        yield connection


@asynccontextmanager
async def auth_write_transaction(pool: Pool) -> AsyncGenerator[Connection]:
    """Open a transaction that writes for a caller who is not signed in.

    Raise `Unconfirmed` if the commit was sent and not confirmed.
    """
    async with _confirmed(pool, Statement(SQL.begin_as_auth, ())) as connection:
        yield connection


@asynccontextmanager
async def _confirmed(pool: Pool, begin: Statement) -> AsyncGenerator[Connection]:
    ends = False
    try:
        async with _begin(pool, begin) as connection:
            yield connection
            ends = True
    except UNAVAILABLE as error:
        if ends:
            raise Unconfirmed from error
        raise


@asynccontextmanager
async def _begin(pool: Pool, begin: Statement) -> AsyncGenerator[Connection]:
    """Start a transaction. The pool commits when the block ends, and rolls back if the block raises."""
    async with pool.connection() as connection:
        # The client inserts the parameters: the server accepts two statements in one query only without parameters.
        await AsyncClientCursor(connection).execute(*begin)
        yield connection
