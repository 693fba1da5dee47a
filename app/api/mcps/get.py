"""GET /v1/mcps/{id}: return one MCP, its usage, and the tools that the last test found."""

from litestar import get

from app.api.mcps.schemas import mcp_detail_shape
from app.handlers import Empty, HttpRequest, HttpResponse, get_services, parse_query, success
from domain.mcps.errors import McpNotFound
from infrastructure.clock import now
from projections.read_models.mcps.health.queries import health_of, tools_of
from projections.read_models.mcps.list.queries import detail
from projections.read_models.usage.queries import mcp_stats_of, mcp_usage_of


@get("/v1/mcps/{mcp_id:str}", access="mcps:read")
async def mcp_detail(request: HttpRequest, mcp_id: str) -> HttpResponse:
    parse_query(request, Empty)
    async with get_services(request).read_transaction(request.auth.organization_id) as connection:
        found = await detail(connection, mcp_id, request.auth.organization_id)
        if found is None:
            raise McpNotFound
        usage = (await mcp_usage_of(connection, [mcp_id]))[mcp_id]
        health = (await health_of(connection, [mcp_id]))[mcp_id]
        stats = await mcp_stats_of(connection, mcp_id, now())
        tools = await tools_of(connection, mcp_id)
    return success(
        mcp_detail_shape(found, usage, health, stats, tools),
        headers={"ETag": f'"{found.revision}"', "X-Revision": str(found.revision)},
    )
