"""The MCP servers of the organization, for pages about keys."""

from collections.abc import Sequence

from app.api.mcps.list import ListedMcp, list_mcps
from app.pages.visit import Visit

_PER_PAGE = 100


async def all_servers(visit: Visit, *, with_tools: bool = False) -> list[ListedMcp]:
    """Return all servers of the organization, by name."""
    found: list[ListedMcp] = []
    cursor: str | None = None
    while True:
        query = {"include": "tools" if with_tools else None, "per_page": _PER_PAGE, "cursor": cursor}
        page = await visit.read_list(list_mcps, ListedMcp, query)
        found += page.data
        cursor = page.pagination.next_cursor
        if cursor is None:
            return sorted(found, key=lambda server: (server.name.casefold(), server.id))


def names_of(servers: Sequence[ListedMcp]) -> dict[str, str]:
    """Return the names of servers by their ids."""
    return {server.id: server.name for server in servers}
