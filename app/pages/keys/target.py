"""The tool that the examples for a key call."""

from app.api.api_keys.schemas import Key
from app.api.mcps.list import ListedMcp, list_mcps
from app.pages.keys.servers import is_reached, permissions_of
from app.pages.parts.snippets import Target, first_target
from app.pages.visit import Visit

_PER_PAGE = 20
"""Most organizations have fewer servers, and most keys reach one of the newest."""


async def target_of(visit: Visit, key: Key) -> Target | None:
    """Return a tool that the key may call, on the newest server that it reaches and whose tools are known."""
    query = {"status": "active", "include": "tools", "per_page": _PER_PAGE}
    async for page in visit.read_pages(list_mcps, ListedMcp, query):
        found = first_target([(server.id, _permitted(key, server)) for server in page])
        if found is not None:
            return found
    return None


def _permitted(key: Key, server: ListedMcp) -> list[str]:
    """Return the tools of the server that the key may call."""
    if not is_reached(key, server):
        return []
    permissions = permissions_of(key)
    return [tool.name for tool in server.tools or () if permissions.permits_tool(server.id, tool.name)]
