"""GET /mcps/{id}: one MCP server with its health, usage, tools, and the keys that can reach it."""

from asyncio import gather

from app.api.api_keys.list import list_keys
from app.api.api_keys.schemas import Key
from app.api.audit.list import list_audit_events
from app.api.audit.schemas import AuditEvent
from app.api.mcps.get import McpDetail, get_mcp
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit


@Page("GET", "/mcps/{mcp_id}", access="mcps:read")
async def mcp_page(visit: Visit, mcp_id: str) -> PageResponse:
    mcp, keys, change = await gather(
        visit.read(get_mcp, McpDetail, mcp_id=mcp_id), keys_reaching(visit, mcp_id), _last_health_change(visit, mcp_id)
    )
    return await visit.page("mcps/get.html", mcp=mcp, keys=keys, health_change=change)


async def keys_reaching(visit: Visit, mcp_id: str) -> int | None:
    """Return how many active keys can reach the server, or None for a visitor who sees no keys.

    A member gets the number of their own keys.
    """
    if not visit.can("keys:read"):
        return None
    listed = await visit.read_list(list_keys, Key, {"mcp_id": mcp_id, "status": "active", "per_page": 1})
    return listed.pagination.total


async def _last_health_change(visit: Visit, mcp_id: str) -> AuditEvent | None:
    if not visit.can("audit:read"):
        return None
    query = {"type": "mcp.health_changed", "resource": mcp_id, "per_page": 1}
    events = (await visit.read_list(list_audit_events, AuditEvent, query)).data
    return events[0] if events else None
