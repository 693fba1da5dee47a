"""Transactions that are bound to one organization: row-level security shows them its rows, and no others.

The binding is a setting of the transaction and ends with it, so a connection that goes back to its pool is bound to
nobody, and sees nothing until it is bound again.
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
    """A transaction that reads what one organization has."""
    async with _begin(pool, Statement(SQL.begin_reading, (organization_id,))) as connection:
        yield connection


@asynccontextmanager
async def write_transaction(pool: Pool, organization_id: str) -> AsyncGenerator[Connection]:
    """A transaction that writes for one organization what is in no event; events go through `eventstore.execute`.

    Raises `Unconfirmed` when the commit was sent and not confirmed.
    """
    async with _confirmed(pool, Statement(SQL.begin_writing, (organization_id,))) as connection:
        yield connection


@asynccontextmanager
async def credential_lookup(pool: Pool) -> AsyncGenerator[Connection]:
    """A transaction that looks up a presented credential before anyone knows whose it is."""
    async with _begin(pool, Statement(SQL.begin_at_the_gate, ())) as connection:
        yield connection


@asynccontextmanager
async def writing_at_the_gate(pool: Pool) -> AsyncGenerator[Connection]:
    """The same for what someone asked for who is not signed in. Raises `Unconfirmed` like `writing`."""
    async with _confirmed(pool, Statement(SQL.begin_at_the_gate, ())) as connection:
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
    """The pool commits on the way out, and rolls back when something was raised."""
    async with pool.connection() as connection:
        # Put together here and not by the server, which takes two statements in one only without parameters.
        await AsyncClientCursor(connection).execute(*begin)
        yield connection
