"""Queries on the health of MCP servers and on due health checks."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from domain.mcps.events import Health
from infrastructure.database.connections import Connection
from infrastructure.database.statements import Statement, load


class Queries(NamedTuple):
    health_put: bytes
    health_change: bytes
    health_answered: bytes
    health_failed: bytes
    health_remove: bytes
    health_request_tools: bytes
    health_claim: bytes
    health_of: bytes
    tools_of: bytes
    tools_of_all: bytes


SQL = load(Queries, __file__)

INTERVALS_PER_LISTING = 10
"""Check intervals after which a server is checked even if its calls succeed: only a check lists its tools."""


class McpHealth(NamedTuple):
    """The health of a server. `checked_at` is None before the first check."""

    health: Health | Literal["unknown"] = "unknown"
    checked_at: datetime | None = None


class McpTools(NamedTuple):
    """The health and the tools of a server. `tools` is a JSON array, empty if the tools were never listed."""

    health: Health | Literal["unknown"]
    tools: bytes


class Claimed(NamedTuple):
    """A server whose check was due. `answered`: it responded recently and its tools are current, so skip the check."""

    mcp_id: str
    organization_id: str
    answered: bool


def health_answered(
    mcp_id: str,
    endpoint_changed_at: datetime,
    at: datetime,
    tools: bytes | None = None,
    parameter_headers: bytes | None = None,
    not_before: datetime | None = None,
) -> Statement:
    """Return the statement that records a response of the server at `at`.

    It changes nothing if the endpoint of the MCP has changed again after `endpoint_changed_at`. `tools`: a JSON array,
    or None to keep the stored tools. `parameter_headers`: the arguments that these tools repeat in HTTP headers.
    `not_before`: the earliest next check that the server requested.
    """
    return Statement(SQL.health_answered, (mcp_id, endpoint_changed_at, at, tools, parameter_headers, not_before))


def health_request_tools(mcp_id: str, at: datetime) -> Statement:
    """Return the statement that makes a check due at `at`, which lists the tools of the server."""
    return Statement(SQL.health_request_tools, (at, mcp_id))


def health_failed(
    mcp_id: str,
    endpoint_changed_at: datetime,
    at: datetime,
    recheck_at: datetime,
    not_before: datetime | None = None,
) -> Statement:
    """Return the statement that records a failure at `at`, under the same condition as `health_answered`.

    `recheck_at`: the latest time of the next check, if this failure follows a success. `not_before`: the earliest next
    check that the server requested.
    """
    return Statement(SQL.health_failed, (mcp_id, endpoint_changed_at, at, recheck_at, not_before))


async def claim(connection: Connection, at: datetime, interval: timedelta, limit: int) -> list[Claimed]:
    """Return at most `limit` servers whose check is due at `at`, the longest due first.

    Each becomes due again an `interval` later or slightly after that, so no other worker gets it until then.
    """
    parameters = {"at": at, "interval": interval, "listed_within": INTERVALS_PER_LISTING * interval, "limit": limit}
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
