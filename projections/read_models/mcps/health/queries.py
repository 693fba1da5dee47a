"""Queries on the health of MCP servers and on due health checks."""

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
"""The tools of a server with constant traffic are listed once in this many intervals."""


class McpHealth(NamedTuple):
    """The health of a server. `checked_at` is None before the first check."""

    health: Health | Literal["unknown"] = "unknown"
    checked_at: datetime | None = None


class McpTools(NamedTuple):
    """The tools of a server. `tools` is a JSON array, empty if they were never listed."""

    health: Health | Literal["unknown"]
    tools: bytes


class Claimed(NamedTuple):
    """A server whose check was due. `answered`: a recent call or check succeeded, so no check is needed."""

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
    """Return the statement that records a success of the server that had moved at `moved_at`.

    `tools`: as a JSON array, or None to keep the stored ones. `not_before`: the earliest next check.
    """
    return Statement(SQL.health_answered, (mcp_id, moved_at, at, tools, parameter_headers, not_before))


def health_list_again(mcp_id: str, at: datetime) -> Statement:
    return Statement(SQL.health_list_again, (at, mcp_id))


def health_failed(
    mcp_id: str, moved_at: datetime, at: datetime, again_at: datetime, not_before: datetime | None = None
) -> Statement:
    """Return the statement that records a failure. `again_at`: the next check after a first failure.

    `not_before`: the earliest next check that the server requested.
    """
    return Statement(SQL.health_failed, (mcp_id, moved_at, at, again_at, not_before))


async def claim(connection: Connection, at: datetime, interval: timedelta, limit: int) -> list[Claimed]:
    """Return some servers that are due at `at`, longest due first. No other worker gets them for an `interval`."""
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
    """Return the tools that the last successful check found, as a JSON array."""
    return await stored_tools(connection, mcp_id) or b"[]"


async def stored_tools(connection: Connection, mcp_id: str) -> bytes | None:
    """Return the tools as a JSON array, or None if they were never listed."""
    cursor = await connection.execute(SQL.tools_of, (mcp_id,))
    row = await cursor.fetchone()
    return None if row is None or row[0] is None else bytes(row[0])


async def tools_of_all(connection: Connection, mcp_ids: Sequence[str]) -> dict[str, McpTools]:
    """Return the health and the tools of those servers that exist."""
    cursor = await connection.execute(SQL.tools_of_all, (list(mcp_ids),))
    rows = await cursor.fetchall()
    return {mcp_id: McpTools(health, b"[]" if tools is None else bytes(tools)) for mcp_id, health, tools in rows}
