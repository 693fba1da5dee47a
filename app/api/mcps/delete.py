"""DELETE /v1/mcps/{id}: make an MCP unreachable for every key. Its history stays in the log."""

from litestar import delete

from app.commands.run_command import run_command
from app.handlers import Empty, HttpRequest, HttpResponse, get_services, parse_body, parse_query
from domain.mcps.commands import DeleteMcp
from domain.mcps.decider import MCP
from domain.plans.plan import McpCounts
from infrastructure.clock import now
from projections.read_models.organizations.counts.queries import mcps_guard


@delete("/v1/mcps/{mcp_id:str}", access="mcps:write", status_code=200)
async def delete_mcp(request: HttpRequest, mcp_id: str) -> HttpResponse:
    parse_query(request, Empty)
    parse_body(request, Empty)
    at = now()

    def command(_: McpCounts) -> DeleteMcp:
        return DeleteMcp(at=at)

    return await run_command(
        request,
        MCP,
        mcp_id,
        command,
        guard=mcps_guard(request.auth.organization_id, get_services(request).plans),
        render=lambda _: {"deleted": True, "mcp_id": mcp_id},
    )
