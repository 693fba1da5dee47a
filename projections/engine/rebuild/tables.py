"""Tables with the same name in two schemas: create, move, compare and correct them.

The names come from the declarations of read models and from the catalogue, never from outside.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

from psycopg import AsyncServerCursor, sql
from psycopg.rows import TupleRow

from infrastructure.database.connections import Connection
from projections.engine.rebuild.queries import SQL
from projections.engine.runner import LIVE
from projections.engine.schema import PROJECTIONS, folder_scripts

_FETCHED = 5_000


class Table(NamedTuple):
    """A table.

    `columns` are in order, `key` are those of the primary key, and `texts` are those that a collation sorts.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    texts: frozenset[str]


async def load_table(connection: Connection, name: str) -> Table:
    cursor = await connection.execute(SQL.columns, (f"{LIVE}.{name}",))
    rows = await cursor.fetchall()
    return Table(
        name,
        tuple(row[0] for row in rows),
        tuple(row[0] for row in rows if row[1]),
        frozenset(row[0] for row in rows if row[2]),
    )


async def set_search_path(connection: Connection, schema: str) -> None:
    """Make the statements of the read models use the tables in `schema` from now on."""
    await connection.execute(sql.SQL("set search_path to {}, public").format(sql.Identifier(schema)))


async def create_schema(connection: Connection, schema: str) -> None:
    await connection.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))


async def drop_schema(connection: Connection, schema: str) -> None:
    await connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(schema)))


async def create_tables(connection: Connection, schema: str, folder: str) -> None:
    """Create the tables of a read model from its schema, with grants and policies, ready to become the live ones."""
    await set_search_path(connection, schema)
    for script in folder_scripts(PROJECTIONS):
        if script.name.rpartition("/")[0] == folder:
            await connection.execute(script.sql)


async def create_empty_copies(connection: Connection, schema: str, names: Sequence[str]) -> None:
    """Create empty tables with the columns and indexes of the live ones, for a comparison."""
    for name in names:
        query = sql.SQL("create table {} (like {} including all)")
        await connection.execute(query.format(sql.Identifier(schema, name), sql.Identifier(LIVE, name)))


async def move_tables(connection: Connection, names: Sequence[str], origin: str, schema: str) -> None:
    for name in names:
        query = sql.SQL("alter table {} set schema {}")
        await connection.execute(query.format(sql.Identifier(origin, name), sql.Identifier(schema)))


async def block_writes(connection: Connection, names: Sequence[str]) -> None:
    """Block writes and row locks on these tables until the transaction ends. Reads continue."""
    tables = sql.SQL(", ").join(sql.Identifier(LIVE, name) for name in names)
    await connection.execute(sql.SQL("lock table {} in exclusive mode").format(tables))


async def reconcile(connection: Connection, table: Table, schema: str, kept: str) -> int:
    """Make the live table equal to the one in `schema`, keep the old rows in `kept`, and return how many differed."""
    live, right = sql.Identifier(LIVE, table.name), sql.Identifier(schema, table.name)
    key = sql.SQL(", ").join(map(sql.Identifier, table.key))
    columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    same_key = sql.SQL(" and ").join(sql.SQL("l.{0} = r.{0}").format(sql.Identifier(name)) for name in table.key)
    saved = await connection.execute(
        sql.SQL(
            "create table {kept} as select l.* from {live} l left join {right} r on {same_key}"
            " where row(l.*) is distinct from row(r.*)"
        ).format(kept=sql.Identifier(kept, table.name), live=live, right=right, same_key=same_key)
    )
    await connection.execute(
        sql.SQL("delete from {live} where ({key}) in (select {key} from {kept})").format(
            live=live, key=key, kept=sql.Identifier(kept, table.name)
        )
    )
    inserted = await connection.execute(
        sql.SQL(
            "insert into {live} ({columns}) select {columns} from {right} r"
            " where not exists (select from {live} l where {same_key})"
        ).format(live=live, columns=columns, right=right, same_key=same_key)
    )
    return max(saved.rowcount, inserted.rowcount)


async def rows(connection: Connection, table: Table, schema: str) -> AsyncIterator[TupleRow]:
    """Yield all rows in the order of their keys, with texts sorted as Python sorts them. Must run in a transaction.

    Keys come first and keep their type. The other columns are text, because Python has no infinite instants.
    """
    order = [
        sql.SQL('{} collate "C"').format(sql.Identifier(name)) if name in table.texts else sql.Identifier(name)
        for name in table.key
    ]
    columns = [
        *[sql.Identifier(name) for name in table.key],
        *[sql.SQL("{}::text").format(sql.Identifier(name)) for name in table.columns if name not in table.key],
    ]
    query = sql.SQL("select {} from {} order by {}").format(
        sql.SQL(", ").join(columns),
        sql.Identifier(schema, table.name),
        sql.SQL(", ").join(order),
    )
    async with AsyncServerCursor[Any](connection, f"rows_of_{table.name}") as cursor:
        cursor.itersize = _FETCHED
        await cursor.execute(query)
        async for row in cursor:
            yield row
