"""The MCP servers of the organization, for pages about keys."""

from collections.abc import Sequence

from app.api.mcps.list import ListedMcp, list_mcps
from app.api.mcps.list_names import NamedMcp, list_mcp_names
from app.pages.visit import Visit

AnyMcp = NamedMcp | ListedMcp

_PER_PAGE = 100


async def named_servers(visit: Visit) -> list[NamedMcp]:
    """Return the names of all servers of the organization, by name."""
    return await visit.read(list_mcp_names, list[NamedMcp])


async def servers_with_tools(visit: Visit) -> list[ListedMcp]:
    """Return all servers of the organization with their tools, by name."""
    found: list[ListedMcp] = []
    cursor: str | None = None
    while True:
        page = await visit.read_list(
            list_mcps, ListedMcp, {"include": "tools", "per_page": _PER_PAGE, "cursor": cursor}
        )
        found += page.data
        cursor = page.pagination.next_cursor
        if cursor is None:
            return sorted(found, key=lambda server: (server.name.casefold(), server.id))


def names_of(servers: Sequence[AnyMcp]) -> dict[str, str]:
    """Return the names of servers by their ids."""
    return {server.id: server.name for server in servers}
