"""GET /v1/mcp/servers: list the MCP servers and tools that the calling key can use. No grant is required.

The list follows the rules for calls: active MCPs, the key's MCPs and environment, and its tool patterns. It comes from
the stored catalogue, so a server that is down does not delay the response.
"""

from typing import Literal

from msgspec import Struct

from app.api import examples
from app.auth.callers import access_request
from app.handlers import encode_success
from app.http.errors import invalid
from app.http.messages import RawRequest, RawResponse
from app.route import Route
from app.services import Services
from app.verification.authenticate import authenticate, raise_if_denied
from app.verification.requests import Authenticate
from domain.keys.state import Key
from domain.mcps.events import Health
from domain.usage.decision import McpFacts, mcp_denial
from gateway.catalogue import read_catalogue
from projections.read_models.mcps.health.queries import McpTools, tools_of_all
from projections.read_models.mcps.list.queries import ActiveMcp, active_mcps


class ReachableTool(Struct, frozen=True):
    """A tool that the calling key may call, as found by the last test of its server."""

    name: str
    description: str


class ReachableServer(Struct, frozen=True):
    """An MCP server that the calling key can use. `tools` is empty until a test has listed them."""

    id: str
    name: str
    health: Health | Literal["unknown"]
    tools: list[ReachableTool]


@Route(
    "GET",
    "/v1/mcp/servers",
    access="any key",
    tag="Calls",
    summary="List reachable MCP servers and tools",
    description="The MCP servers and tools that the calling key may use, according to the rules for calls. No "
    "grant is required. The tools are those that the last test of each server found.",
    example=[
        ReachableServer(
            id=examples.MCP_ID, name="Wiki", health="healthy", tools=[ReachableTool("get_page", "Return a page.")]
        )
    ],
    direct=True,
    response=list[ReachableServer],
)
async def list_servers(inbound: RawRequest, services: Services) -> RawResponse:
    presented = access_request(inbound, "manage")
    key = raise_if_denied(await authenticate(inbound, services.verification, Authenticate(presented)), presented)
    if inbound.query:
        raise invalid(query="This route takes no parameters")
    async with services.read_transaction(key.organization_id) as connection:
        mcps = [mcp for mcp in await active_mcps(connection, key.organization_id) if _reaches(key, mcp)]
        known = await tools_of_all(connection, [mcp.mcp_id for mcp in mcps])
    servers = [_server(key, mcp, known.get(mcp.mcp_id, McpTools("unknown", b"[]"))) for mcp in mcps]
    return RawResponse(200, encode_success(servers))


def _reaches(key: Key, mcp: ActiveMcp) -> bool:
    return mcp_denial(key, McpFacts(mcp.mcp_id, key.organization_id, mcp.environment)) is None


def _server(key: Key, mcp: ActiveMcp, known: McpTools) -> ReachableServer:
    tools = [
        ReachableTool(tool.name, tool.description)
        for tool in read_catalogue(known.tools)
        if key.permissions.permits_tool(mcp.mcp_id, tool.name)
    ]
    return ReachableServer(mcp.mcp_id, mcp.name, known.health, tools)
