"""GET /v1/mcps/{id}: one MCP, how it is used, and the tools that the last test found."""

from litestar import get

from app.api.mcps.shape import mcp_detail_shape
from app.requests import HttpRequest, HttpResponse, NoParameters, query_of, services_of, success
from domain.mcps.errors import McpNotFound
from eventstore.clock import now
from projections.mcp_health.queries import health_of, tools_of
from projections.mcp_list.queries import detail
from projections.usage.queries import mcp_stats_of, mcp_usage_of


@get("/v1/mcps/{mcp_id:str}", grant="mcps:read")
async def mcp_detail(request: HttpRequest, mcp_id: str) -> HttpResponse:
    query_of(request, NoParameters)
    async with services_of(request).reading(request.auth.organization_id) as connection:
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
