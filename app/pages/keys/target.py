"""The tool that the examples for a key call."""

from app.api.api_keys.schemas import Key
from app.api.mcps.get import McpDetail, get_mcp
from app.api.mcps.list import ListedMcp, list_mcps
from app.pages.keys.servers import is_reached, permissions_of
from app.pages.parts.example_arguments import example_arguments
from app.pages.parts.snippets import Reached, Target, first_target
from app.pages.visit import Visit
from domain.mcps.errors import McpNotFound

_PER_PAGE = 20
"""Most organizations have fewer servers, and most keys reach one of the newest."""


async def target_of(visit: Visit, key: Key) -> Target | None:
    """Return a tool that the key may call, on the newest server that it reaches and whose tools are known.

    Its arguments are examples from the input schema of the tool.
    """
    query = {"status": "active", "include": "tools", "per_page": _PER_PAGE}
    async for page in visit.read_pages(list_mcps, ListedMcp, query):
        found = first_target([Reached(server.id, server.name, _permitted(key, server)) for server in page])
        if found is not None:
            return await _with_arguments(visit, found)
    return None


async def _with_arguments(visit: Visit, target: Target) -> Target | None:
    try:
        mcp = await visit.read(get_mcp, McpDetail, mcp_id=target.mcp_id)
    except McpNotFound:  # deleted meanwhile
        return None
    schema = next((tool.input_schema for tool in mcp.tools if tool.name == target.tool), None)
    return target if schema is None else target._replace(arguments=example_arguments(bytes(schema)))


def _permitted(key: Key, server: ListedMcp) -> list[str]:
    """Return the tools of the server that the key may call."""
    if not is_reached(key, server):
        return []
    permissions = permissions_of(key)
    return [tool.name for tool in server.tools or () if permissions.permits_tool(server.id, tool.name)]
