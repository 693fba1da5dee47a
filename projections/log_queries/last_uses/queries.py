"""The last use of each key of a page: its MCP server and address, which only the log has."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from domain.usage.events import KeyUsed
from infrastructure.database.connections import Connection
from infrastructure.database.planning import read_planned_once
from infrastructure.database.statements import load


class Queries(NamedTuple):
    last_uses: bytes


SQL = load(Queries, __file__)

_used = msgspec.json.Decoder(KeyUsed)


async def last_uses(connection: Connection, last_used: Mapping[str, datetime]) -> dict[str, KeyUsed]:
    """Return the last accepted use of each key by its id. `last_used` has the instant at which each key was last used.

    A key that was last used to verify another key, or whose last use left the log, is missing.
    """
    if not last_used:
        return {}
    parameters = {"key_ids": list(last_used), "instants": list(last_used.values())}
    rows = await read_planned_once(connection, SQL.last_uses, parameters)
    return {key_id: _used.decode(bytes(body)) for key_id, body in rows}
