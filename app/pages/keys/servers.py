"""The MCP servers of the organization, for pages about keys."""

from collections.abc import Sequence

from app.api.api_keys.schemas import Key
from app.api.mcps.list import ListedMcp, list_mcps
from app.api.mcps.list_names import NamedMcp, list_mcp_names
from app.api.mcps.schemas import Mcp
from app.pages.visit import Visit
from domain.keys.permissions import Permissions

AnyMcp = NamedMcp | ListedMcp

_PER_PAGE = 100


async def named_servers(visit: Visit) -> list[NamedMcp]:
    """Return the names of all servers of the organization, by name."""
    return await visit.read(list_mcp_names, list[NamedMcp])


async def servers_with_tools(visit: Visit) -> list[ListedMcp]:
    """Return all servers of the organization with their tools, by name."""
    pages = visit.read_pages(list_mcps, ListedMcp, {"include": "tools", "per_page": _PER_PAGE})
    found = [server async for page in pages for server in page]
    return sorted(found, key=lambda server: (server.name.casefold(), server.id))


def permissions_of(key: Key) -> Permissions:
    given = key.permissions
    return Permissions(given.mcps, given.tools, given.manage)


def is_reached(key: Key, server: Mcp) -> bool:
    """Return whether the key reaches the server while the server is active."""
    every = key.permissions.mcps == "*"
    return permissions_of(key).names(server.id) or (every and server.environment == key.environment)


def names_of(servers: Sequence[AnyMcp]) -> dict[str, str]:
    """Return the names of servers by their ids."""
    return {server.id: server.name for server in servers}
