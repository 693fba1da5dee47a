"""The tool that the examples for a key call."""

from app.api.api_keys.schemas import Key
from app.api.mcps.list import ListedMcp, list_mcps
from app.pages.parts.snippets import Target, first_target
from app.pages.visit import Visit
from domain.keys.permissions import Permissions

_PER_PAGE = 20
"""Most organizations have fewer servers, and most keys reach one of the newest."""


async def target_of(visit: Visit, key: Key) -> Target | None:
    """Return a tool that the key may call, on the newest server that it reaches and whose tools are known."""
    cursor: str | None = None
    while True:
        query = {"status": "active", "include": "tools", "per_page": _PER_PAGE, "cursor": cursor}
        page = await visit.read_list(list_mcps, ListedMcp, query)
        found = first_target([(server.id, _permitted(key, server)) for server in page.data])
        cursor = page.pagination.next_cursor
        if found is not None or cursor is None:
            return found


def _permitted(key: Key, server: ListedMcp) -> list[str]:
    """Return the tools of the server that the key may call."""
    given = key.permissions
    permissions = Permissions(given.mcps, given.tools, given.manage)
    if not (permissions.names(server.id) or (given.mcps == "*" and server.environment == key.environment)):
        return []
    return [tool.name for tool in server.tools or () if permissions.permits_tool(server.id, tool.name)]
