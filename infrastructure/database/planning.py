"""Planning of statements that read partitioned tables, of which there are many."""

from typing import Any, NamedTuple

from infrastructure.database.connections import Connection
from infrastructure.database.statements import load


class Queries(NamedTuple):
    plan_mode: bytes


SQL = load(Queries, __file__, "planning.sql")


async def read_planned_once(connection: Connection, statement: bytes, parameters: dict[str, Any]) -> list[Any]:
    """Return the rows of a statement that a connection plans once for all parameters. Needs a transaction.

    Planning for ninety partitions takes longer than reading a page. An execution only leaves out those that its
    parameters exclude.
    """
    await connection.execute(SQL.plan_mode, ("force_generic_plan",))
    rows = await (await connection.execute(statement, parameters, prepare=True)).fetchall()
    await connection.execute(SQL.plan_mode, ("auto",))
    return rows
