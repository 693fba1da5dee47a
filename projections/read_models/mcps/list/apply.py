"""Derive the rows of the MCP list from a change."""

from collections.abc import Iterable
from typing import Any

from domain.mcps.events import McpEvent
from domain.mcps.state import Deleted, ExistingMcp
from eventstore.execute import Change
from infrastructure.database.statements import Statement
from projections.read_models.mcps.list.queries import SQL, credential_remove


def apply(change: Change[Any, McpEvent]) -> Iterable[Statement]:
    state: ExistingMcp = change.after
    yield put(state)
    if isinstance(state, Deleted):
        yield credential_remove(state.mcp.id)


def put(state: ExistingMcp) -> Statement:
    """Return the statement that writes the whole row of an MCP server."""
    mcp = state.mcp
    return Statement(
        SQL.mcp_put,
        (
            mcp.id,
            mcp.organization_id,
            mcp.name,
            mcp.description,
            mcp.endpoint_url,
            mcp.environment,
            mcp.auth_type,
            state.__struct_config__.tag,
            mcp.created_at,
            mcp.updated_at,
            mcp.revision,
            state.deleted_at if isinstance(state, Deleted) else None,
            mcp.health_checks,
        ),
    )
