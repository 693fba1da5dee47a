"""MCP servers in responses. They never contain the credential."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from app.api import examples
from app.api.schemas import Count, McpId, Revision, Time
from domain.decider import ImpossibleHistory
from domain.environment import Environment
from domain.mcps.decider import ENDPOINT_URL_LENGTH_MAX
from domain.mcps.events import AuthType, McpEvent
from domain.mcps.state import McpState, Registered
from eventstore.execute import Change
from projections.read_models.mcps.health.queries import McpHealth
from projections.read_models.mcps.list.queries import McpRow, McpStatus, row_of
from projections.read_models.usage.queries import McpUsage

EndpointUrl = Annotated[
    str,
    Meta(
        description="The URL of the server: https, without credentials.",
        extra_json_schema={"maxLength": ENDPOINT_URL_LENGTH_MAX},
    ),
]


HealthChecks = Annotated[
    bool,
    Meta(
        description="Whether Keyledger checks that the server responds to MCP. False for a service that is not an MCP "
        "server and is registered only for gateways: its health stays `unknown`."
    ),
]


class Mcp(Struct, frozen=True):
    """An MCP server without its credential, which is never returned."""

    id: McpId
    name: str
    endpoint_url: str
    description: str
    environment: Environment
    auth_type: AuthType
    status: McpStatus
    health: Literal["healthy", "unhealthy", "unknown"]
    created_at: Time
    last_active: Time | None
    request_count: Count
    revision: Revision
    health_checks: HealthChecks


MCP_EXAMPLE = Mcp(
    id=examples.MCP_ID,
    name="Wiki",
    endpoint_url="https://mcp.example.com/mcp",
    description="Pages of the wiki",
    environment="live",
    auth_type="bearer",
    status="active",
    health="healthy",
    created_at=examples.THEN,
    last_active=examples.LATER,
    request_count=1200,
    revision=1,
    health_checks=True,
)


def to_mcp(mcp: McpRow, usage: McpUsage, health: McpHealth) -> Mcp:
    return Mcp(
        id=mcp.mcp_id,
        name=mcp.name,
        endpoint_url=mcp.endpoint_url,
        description=mcp.description,
        environment=mcp.environment,
        auth_type=mcp.auth_type,
        status=mcp.status,
        health=health.health,
        created_at=mcp.created_at,
        last_active=usage.last_active,
        request_count=usage.total_requests,
        revision=mcp.revision,
        health_checks=mcp.health_checks,
    )


def changed_mcp(change: Change[McpState, McpEvent], usage: McpUsage, health: McpHealth) -> Mcp:
    """Return an MCP after a change."""
    if not isinstance(change.after, Registered):
        raise ImpossibleHistory(change)
    return to_mcp(row_of(change.after), usage, health)
