"""GET /v1/mcps/{id}: return one MCP, its usage, and the tools that the last test found."""

from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct, structs

from app.api import examples
from app.api.mcps.schemas import MCP_EXAMPLE, Mcp, to_mcp
from app.api.schemas import Count, Time
from app.handlers import HttpRequest, Success, get_services, success
from app.route import Route
from domain.mcps.errors import McpNotFound
from infrastructure.clock import now
from projections.read_models.mcps.health.queries import McpHealth, health_of, tools_of
from projections.read_models.mcps.list.queries import McpRow, detail
from projections.read_models.usage.queries import McpStats, McpUsage, mcp_stats_of, mcp_usage_of

ErrorRate = Annotated[float | None, Meta(description="0 to 1, over all completed calls; null if there were none.")]


class McpFigures(Struct, frozen=True):
    total_requests: Count
    requests_today: Count
    error_rate: ErrorRate
    avg_latency_ms: float | None


class McpTool(Struct, frozen=True):
    """A tool that the last test found."""

    name: str
    description: str
    input_schema: Annotated[Raw, Meta(extra_json_schema={"type": "object"})]


class McpDetail(Mcp, frozen=True):
    """An MCP server with its usage, health and tools."""

    health_checked_at: Time | None
    updated_at: Time
    stats: McpFigures
    tools: list[McpTool]


_tools = msgspec.json.Decoder(list[McpTool])


@Route(
    "GET",
    "/v1/mcps/{mcp_id}",
    access="mcps:read",
    tag="MCP servers",
    summary="Get an MCP server",
    description="The response includes usage figures and the tools that the last test found.",
    example=McpDetail(
        **structs.asdict(MCP_EXAMPLE),
        health_checked_at=examples.LATER,
        updated_at=examples.THEN,
        stats=McpFigures(total_requests=1200, requests_today=12, error_rate=0.01, avg_latency_ms=41.5),
        tools=[
            McpTool(
                "get_page",
                "A page by its title",
                Raw(b'{"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}'),
            )
        ],
    ),
    has_revision=True,
)
async def get_mcp(request: HttpRequest, mcp_id: str) -> Success[McpDetail]:
    async with get_services(request).read_transaction(request.auth.organization_id) as connection:
        found = await detail(connection, mcp_id, request.auth.organization_id)
        if found is None:
            raise McpNotFound
        usage = (await mcp_usage_of(connection, [mcp_id]))[mcp_id]
        health = (await health_of(connection, [mcp_id]))[mcp_id]
        stats = await mcp_stats_of(connection, mcp_id, now())
        tools = await tools_of(connection, mcp_id)
    return success(_to_detail(found, usage, health, stats, tools), revision=found.revision)


def _to_detail(mcp: McpRow, usage: McpUsage, health: McpHealth, stats: McpStats, tools: bytes) -> McpDetail:
    return McpDetail(
        **structs.asdict(to_mcp(mcp, usage, health)),
        health_checked_at=health.checked_at,
        updated_at=mcp.updated_at,
        stats=McpFigures(stats.total_requests, stats.requests_today, stats.error_rate, stats.avg_latency_ms),
        tools=_tools.decode(tools),
    )
