"""How MCP servers were found when they were last asked, and whose turn it is to be asked."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from domain.mcps.events import Health
from infrastructure.database.connections import Connection
from infrastructure.database.statements import Statement, load


class Queries(NamedTuple):
    health_watch: bytes
    health_change: bytes
    health_answered: bytes
    health_failed: bytes
    health_forget: bytes
    health_list_again: bytes
    health_claim: bytes
    health_of: bytes
    tools_of: bytes
    tools_of_all: bytes


SQL = load(Queries, __file__)

LISTED_WITHIN = 10
"""An MCP that is called all the time has its tools listed once in this many intervals."""


class McpHealth(NamedTuple):
    """`checked_at` is None while nobody has tried."""

    health: Health | Literal["unknown"] = "unknown"
    checked_at: datetime | None = None


class McpTools(NamedTuple):
    """`tools`: a JSON array, empty where they were never listed."""

    health: Health | Literal["unknown"]
    tools: bytes


class Claimed(NamedTuple):
    """An MCP whose turn it was. `answered`: a call or a test within the interval, so that it need not be asked."""

    mcp_id: str
    organization_id: str
    answered: bool


def health_answered(
    mcp_id: str,
    moved_at: datetime,
    at: datetime,
    tools: bytes | None = None,
    parameter_headers: bytes | None = None,
    not_before: datetime | None = None,
) -> Statement:
    """`moved_at`: of the MCP that was asked. `tools`: as a JSON array; None: as before. `not_before`: see below."""
    return Statement(SQL.health_answered, (mcp_id, moved_at, at, tools, parameter_headers, not_before))


def health_list_again(mcp_id: str, at: datetime) -> Statement:
    return Statement(SQL.health_list_again, (at, mcp_id))


def health_failed(
    mcp_id: str, moved_at: datetime, at: datetime, again_at: datetime, not_before: datetime | None = None
) -> Statement:
    """`again_at`: when it is asked again after a first failure. `not_before`: it asked not to be asked again sooner."""
    return Statement(SQL.health_failed, (mcp_id, moved_at, at, again_at, not_before))


async def claim(connection: Connection, at: datetime, interval: timedelta, limit: int) -> list[Claimed]:
    """Some of those whose turn it is at `at`, the longest due first. No one else gets them for an `interval`."""
    parameters = {"at": at, "interval": interval, "listed_within": LISTED_WITHIN * interval, "limit": limit}
    cursor = await connection.execute(SQL.health_claim, parameters)
    return [Claimed(*row) for row in await cursor.fetchall()]


async def health_of(connection: Connection, mcp_ids: Sequence[str]) -> dict[str, McpHealth]:
    found = {mcp_id: McpHealth() for mcp_id in mcp_ids}
    cursor = await connection.execute(SQL.health_of, (list(mcp_ids),))
    for mcp_id, health, checked_at in await cursor.fetchall():
        found[mcp_id] = McpHealth(health, checked_at)
    return found


async def tools_of(connection: Connection, mcp_id: str) -> bytes:
    """The tools that the last successful test found, as a JSON array."""
    return await stored_tools(connection, mcp_id) or b"[]"


async def stored_tools(connection: Connection, mcp_id: str) -> bytes | None:
    """Return the tools as a JSON array; None where they were never listed."""
    cursor = await connection.execute(SQL.tools_of, (mcp_id,))
    row = await cursor.fetchone()
    return None if row is None or row[0] is None else bytes(row[0])


async def tools_of_all(connection: Connection, mcp_ids: Sequence[str]) -> dict[str, McpTools]:
    """Return the health and the tools of those MCPs that are there."""
    cursor = await connection.execute(SQL.tools_of_all, (list(mcp_ids),))
    rows = await cursor.fetchall()
    return {mcp_id: McpTools(health, b"[]" if tools is None else bytes(tools)) for mcp_id, health, tools in rows}
