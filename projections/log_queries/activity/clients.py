"""The clients of a key: the user agents of its newest uses, which only the log has."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from infrastructure.database.connections import Connection
from infrastructure.database.planning import read_planned_once
from infrastructure.database.statements import load


class Queries(NamedTuple):
    clients: bytes


SQL = load(Queries, __file__, "clients.sql")

USES_MAX = 1_000
"""The number of uses that are read. The cost has this bound for a key with any number of uses."""
LISTED_MAX = 100


class Client(NamedTuple):
    """`user_agent` is None for uses without one."""

    user_agent: str | None
    uses: int
    last_used: datetime


class Clients(NamedTuple):
    """Clients, most uses first. `uses` of them all were read, which began at `since`."""

    listed: Sequence[Client] = ()
    total: int = 0
    uses: int = 0
    since: datetime | None = None


async def clients_of(connection: Connection, key_id: str, organization_id: str) -> Clients:
    """Return the clients of the newest `USES_MAX` uses of a key, at most `LISTED_MAX` of them."""
    parameters = {"key_id": key_id, "organization_id": organization_id, "scan": USES_MAX, "limit": LISTED_MAX}
    rows = await read_planned_once(connection, SQL.clients, parameters)
    if not rows:
        return Clients()
    *_, total, uses, since = rows[0]
    return Clients([Client(*row[:3]) for row in rows], total, uses, since)
