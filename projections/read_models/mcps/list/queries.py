"""Queries on the MCP list."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple, cast

from psycopg.pq.abc import PGresult

from domain.environment import Environment
from domain.mcps.events import AuthType, Health
from domain.mcps.state import Active, Registered
from infrastructure.database.connections import Connection
from infrastructure.database.prepared import Call, PreparedStatement, as_boolean, as_text, text_array
from infrastructure.database.statements import Statement, load


class Queries(NamedTuple):
    mcp_put: bytes
    credential_put: bytes
    credential_remove: bytes
    credentials_erase: bytes
    facts: bytes
    environments: bytes
    detail: bytes
    page: bytes
    page_after: bytes
    total: bytes
    names: bytes
    route: bytes
    active_mcps: bytes


SQL = load(Queries, __file__)

_FACTS = PreparedStatement.of("mcp_facts", SQL.facts)

McpStatus = Literal["active", "inactive"]


class McpRow(NamedTuple):
    mcp_id: str
    name: str
    description: str
    endpoint_url: str
    environment: Environment
    auth_type: AuthType
    status: McpStatus
    created_at: datetime
    updated_at: datetime
    revision: int
    health_checks: bool = True


class McpRoute(NamedTuple):
    """The destination of a call. `sealed` is None if the server needs no credential, and `health` if it is unknown.

    `endpoint_changed_at`: since when calls go there. `failing_since`: the first failure since the last response.
    `parameter_headers`: see `projections/read_models/mcps/health`.
    """

    endpoint_url: str
    auth_type: AuthType
    sealed: bytes | None
    active: bool
    health: Health | None
    checked_at: datetime | None
    failing_since: datetime | None
    endpoint_changed_at: datetime
    parameter_headers: bytes | None = None
    health_checks: bool = True


class ActiveMcp(NamedTuple):
    mcp_id: str
    name: str
    environment: Environment


class McpName(NamedTuple):
    mcp_id: str
    name: str
    environment: Environment
    status: McpStatus


class Filters(NamedTuple):
    """A filter of an organization's MCP servers. None: any."""

    organization_id: str
    status: McpStatus | None = None
    health: Health | Literal["unknown"] | None = None


def row_of(state: Registered) -> McpRow:
    """Return the row after a change."""
    mcp = state.mcp
    return McpRow(
        mcp_id=mcp.id,
        name=mcp.name,
        description=mcp.description,
        endpoint_url=mcp.endpoint_url,
        environment=mcp.environment,
        auth_type=mcp.auth_type,
        status="active" if isinstance(state, Active) else "inactive",
        created_at=mcp.created_at,
        updated_at=mcp.updated_at,
        revision=mcp.revision,
        health_checks=mcp.health_checks,
    )


def facts(mcp_ids: Sequence[str]) -> Call:
    """Return the look-up of those MCP servers that exist, for `read_facts`."""
    return _FACTS.call(text_array(mcp_ids))


def read_facts(found: PGresult) -> list[tuple[str, str, Environment, bool]]:
    """Return the rows of `facts`: id, organization, environment, and whether the server is active."""
    value = found.get_value
    return [
        (
            as_text(value(row, 0)),
            as_text(value(row, 1)),
            cast("Environment", as_text(value(row, 2))),
            as_boolean(value(row, 3)),
        )
        for row in range(found.ntuples)
    ]


def credential_put(mcp_id: str, sealed: bytes) -> Statement:
    return Statement(SQL.credential_put, (mcp_id, sealed))


def credential_remove(mcp_id: str) -> Statement:
    return Statement(SQL.credential_remove, (mcp_id,))


async def environments(connection: Connection, organization_id: str) -> dict[str, Environment]:
    """Return every MCP server that the organization currently has, with its environment."""
    cursor = await connection.execute(SQL.environments, (organization_id,))
    return {mcp_id: environment for mcp_id, environment in await cursor.fetchall()}  # noqa: C416 -- untyped tuples


async def detail(connection: Connection, mcp_id: str, organization_id: str) -> McpRow | None:
    cursor = await connection.execute(SQL.detail, (mcp_id, organization_id))
    row = await cursor.fetchone()
    return None if row is None else McpRow(*row)


async def page(connection: Connection, filters: Filters, limit: int, offset: int) -> list[McpRow]:
    cursor = await connection.execute(SQL.page, {**filters._asdict(), "limit": limit, "offset": offset})
    return [McpRow(*row) for row in await cursor.fetchall()]


async def page_after(
    connection: Connection, filters: Filters, created_at: datetime, mcp_id: str, limit: int
) -> list[McpRow]:
    parameters = {**filters._asdict(), "created_at": created_at, "mcp_id": mcp_id, "limit": limit}
    cursor = await connection.execute(SQL.page_after, parameters)
    return [McpRow(*row) for row in await cursor.fetchall()]


async def total(connection: Connection, filters: Filters) -> int:
    cursor = await connection.execute(SQL.total, filters._asdict())
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])


async def names(connection: Connection, organization_id: str) -> list[McpName]:
    """Return the name of every MCP server that the organization currently has."""
    cursor = await connection.execute(SQL.names, (organization_id,))
    return [McpName(*row) for row in await cursor.fetchall()]


async def route(connection: Connection, mcp_id: str, organization_id: str) -> McpRoute | None:
    cursor = await connection.execute(SQL.route, (mcp_id, organization_id))
    row = await cursor.fetchone()
    if row is None:
        return None
    found = McpRoute(*row)
    return found._replace(sealed=_bytes(found.sealed), parameter_headers=_bytes(found.parameter_headers))


async def active_mcps(connection: Connection, organization_id: str) -> list[ActiveMcp]:
    cursor = await connection.execute(SQL.active_mcps, (organization_id,))
    return [ActiveMcp(*row) for row in await cursor.fetchall()]


def _bytes(column: bytes | None) -> bytes | None:
    return None if column is None else bytes(column)
