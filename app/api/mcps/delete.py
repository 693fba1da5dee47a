"""DELETE /v1/mcps/{id}: make an MCP unreachable for every key. Its history stays in the log."""

from msgspec import Struct

from app.api import examples
from app.api.schemas import AlwaysTrue, McpId
from app.commands.run_command import run_command
from app.handlers import HttpRequest, Success, get_services
from app.route import Route
from domain.mcps.commands import DeleteMcp
from domain.mcps.decider import MCP
from domain.plans.plan import McpCounts
from infrastructure.clock import now
from projections.read_models.organizations.counts.queries import mcps_guard


class DeletedMcp(Struct, frozen=True):
    deleted: AlwaysTrue
    mcp_id: McpId


@Route(
    "DELETE",
    "/v1/mcps/{mcp_id}",
    access="mcps:write",
    tag="MCP servers",
    summary="Delete an MCP server",
    description="No key reaches the server once this response is sent. Its history stays in the log.",
    example=DeletedMcp(deleted=True, mcp_id=examples.MCP_ID),
    has_revision=True,
    if_match=True,
)
async def delete_mcp(request: HttpRequest, mcp_id: str) -> Success[DeletedMcp]:
    at = now()

    def command(_: McpCounts) -> DeleteMcp:
        return DeleteMcp(at=at)

    return await run_command(
        request,
        MCP,
        mcp_id,
        command,
        guard=mcps_guard(request.auth.organization_id, get_services(request).plans),
        render=lambda _: DeletedMcp(deleted=True, mcp_id=mcp_id),
    )
