"""GET /v1/mcps/names: list the names of all MCP servers of the organization, for menus and to name ids."""

from msgspec import Struct

from app.api.mcps.schemas import MCP_EXAMPLE
from app.api.schemas import McpId
from app.handlers import HttpRequest, Success, get_services, success
from app.route import Route
from domain.environment import Environment
from projections.read_models.mcps.list.queries import McpStatus, names


class NamedMcp(Struct, frozen=True):
    """The name of an MCP server."""

    id: McpId
    name: str
    environment: Environment
    status: McpStatus


@Route(
    "GET",
    "/v1/mcps/names",
    access="mcps:read",
    tag="MCP servers",
    summary="List the names of MCP servers",
    description="All servers in one response, by name: for menus, and to show names instead of ids.",
    example=[NamedMcp(MCP_EXAMPLE.id, MCP_EXAMPLE.name, MCP_EXAMPLE.environment, MCP_EXAMPLE.status)],
)
async def list_mcp_names(request: HttpRequest) -> Success[list[NamedMcp]]:
    organization_id = request.auth.organization_id
    async with get_services(request).read_transaction(organization_id) as connection:
        found = await names(connection, organization_id)
    found.sort(key=lambda mcp: (mcp.name.casefold(), mcp.mcp_id))
    return success([NamedMcp(*mcp) for mcp in found])
