"""The stored catalogue of an MCP: the tools that the last test or health check found."""

import msgspec
from msgspec import Raw

from infrastructure.database.connections import Pool
from infrastructure.database.tenant import read_transaction
from projections.read_models.mcps.health.queries import stored_tools


class StoredTool(msgspec.Struct, frozen=True):
    name: str
    description: str
    input_schema: Raw


class Catalogue(msgspec.Struct, frozen=True):
    """The input schema of each tool, as JSON."""

    schemas: dict[str, bytes]

    def __contains__(self, tool: str) -> bool:
        return tool in self.schemas


def read_catalogue(tools: bytes) -> list[StoredTool]:
    return msgspec.json.decode(tools, type=list[StoredTool])


def catalogue_of(tools: bytes) -> Catalogue:
    return Catalogue({tool.name: bytes(tool.input_schema) for tool in read_catalogue(tools)})


async def find_catalogue(pool: Pool, mcp_id: str, organization_id: str) -> Catalogue | None:
    """Return the stored catalogue; None if the tools were not listed since the endpoint last changed."""
    async with read_transaction(pool, organization_id) as connection:
        tools = await stored_tools(connection, mcp_id)
    return None if tools is None else catalogue_of(tools)
