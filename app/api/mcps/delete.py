"""DELETE /v1/mcps/{id}: out of reach for every key from now on; what happened with it stays in the log."""

from litestar import delete

from app.changes import change
from app.requests import HttpRequest, HttpResponse, NoParameters, body_of, query_of, services_of
from domain.mcps.commands import DeleteMcp
from domain.mcps.decider import MCP
from domain.organizations.plan import McpCensus
from eventstore.clock import now
from projections.organization_guard.queries import mcps_guard


@delete("/v1/mcps/{mcp_id:str}", grant="mcps:write", status_code=200)
async def delete_mcp(request: HttpRequest, mcp_id: str) -> HttpResponse:
    query_of(request, NoParameters)
    body_of(request, NoParameters)
    at = now()

    def command(_: McpCensus) -> DeleteMcp:
        return DeleteMcp(at=at)

    return await change(
        request,
        MCP,
        mcp_id,
        command=command,
        guard=mcps_guard(request.auth.organization_id, services_of(request).plans),
        shown=lambda _: {"deleted": True, "mcp_id": mcp_id},
    )
