"""JSON form of an MCP. It never contains the credential."""

from typing import Any

from msgspec import Raw

from domain.decider import ImpossibleHistory
from domain.mcps.events import McpEvent
from domain.mcps.state import McpState, Registered
from eventstore.execute import Change
from projections.read_models.mcps.health.queries import McpHealth
from projections.read_models.mcps.list.queries import McpRow, row_of
from projections.read_models.usage.queries import McpStats, McpUsage


def mcp_shape(mcp: McpRow, usage: McpUsage, health: McpHealth) -> dict[str, Any]:
    return {
        "id": mcp.mcp_id,
        "name": mcp.name,
        "endpoint_url": mcp.endpoint_url,
        "description": mcp.description,
        "environment": mcp.environment,
        "auth_type": mcp.auth_type,
        "status": mcp.status,
        "health": health.health,
        "created_at": mcp.created_at,
        "last_active": usage.last_active,
        "request_count": usage.total_requests,
        "revision": mcp.revision,
    }


def mcp_detail_shape(mcp: McpRow, usage: McpUsage, health: McpHealth, stats: McpStats, tools: bytes) -> dict[str, Any]:
    return {
        **mcp_shape(mcp, usage, health),
        "health_checked_at": health.checked_at,
        "updated_at": mcp.updated_at,
        "stats": stats,
        "tools": Raw(tools),
    }


def changed_mcp(change: Change[McpState, McpEvent], usage: McpUsage, health: McpHealth) -> dict[str, Any]:
    """Return the JSON form of an MCP after a change."""
    if not isinstance(change.after, Registered):
        raise ImpossibleHistory(change)
    return mcp_shape(row_of(change.after), usage, health)
