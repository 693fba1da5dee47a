"""GET /keys/{key_id}/permissions: what one key may call on each MCP server, and what it may manage."""

from collections.abc import Sequence
from typing import NamedTuple

from app.api.api_keys.get import KeyDetail, get_key
from app.api.mcps.list import ListedMcp
from app.pages.keys.heading import heading_of
from app.pages.keys.permission_text import permission_text
from app.pages.keys.servers import is_reached, names_of, permissions_of, servers_with_tools
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from app.pages.wording.words import DELETED_SERVER
from domain.keys.permissions import ToolRule
from infrastructure.clock import now


class Tool(NamedTuple):
    name: str
    is_allowed: bool


class Reach(NamedTuple):
    """A server that the key may use. `tools` are those that the server listed, if it was asked."""

    id: str
    name: str
    environment: str
    is_active: bool
    rule: ToolRule | None
    tools: list[Tool]


@Page("GET", "/keys/{key_id}/permissions", access="keys:read")
async def key_permissions_page(visit: Visit, key_id: str) -> PageResponse:
    key = await visit.read(get_key, KeyDetail, key_id=key_id)
    servers = await servers_with_tools(visit)
    return await visit.page(
        "keys/permissions.html",
        key=key,
        heading=heading_of(visit, key, now(), "Permissions"),
        permission_text=permission_text(key.permissions, names_of(servers), key.environment),
        reaches=_reaches(key, servers),
        grants=key.permissions.manage,
    )


def _reaches(key: KeyDetail, servers: Sequence[ListedMcp]) -> list[Reach]:
    given, permissions = key.permissions, permissions_of(key)
    known = {server.id for server in servers}
    found = [
        Reach(
            server.id,
            server.name,
            server.environment,
            server.status == "active",
            _rule(given.tools.get(server.id)),
            [Tool(tool.name, permissions.permits_tool(server.id, tool.name)) for tool in server.tools or ()],
        )
        for server in servers
        if is_reached(key, server)
    ]
    deleted = [] if given.mcps == "*" else [mcp_id for mcp_id in given.mcps if mcp_id not in known]
    return [*found, *(Reach(mcp_id, DELETED_SERVER, key.environment, False, None, []) for mcp_id in deleted)]


def _rule(rule: ToolRule | None) -> ToolRule | None:
    """Return the rule if it limits anything."""
    return None if rule is None or (rule.allow is None and not rule.deny) else rule
