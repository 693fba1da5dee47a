"""POST /v1/mcps: register an MCP server. Its credential is encrypted immediately and never returned."""

from typing import Annotated

from msgspec import Meta, structs

from app.api.mcps.credential import CredentialFields, assembled
from app.api.mcps.schemas import MCP_EXAMPLE, EndpointUrl, HealthChecks, Mcp, changed_mcp
from app.api.schemas import Description, Name
from app.commands.run_command import run_command
from app.handlers import HttpRequest, Success, get_services
from app.route import Route
from domain.environment import Environment
from domain.mcps.commands import RegisterMcp
from domain.mcps.decider import MCP
from domain.mcps.events import AuthType
from domain.plans.plan import McpCounts
from gateway.endpoint import check_endpoint_url
from gateway.mcp_target import store_credential
from infrastructure.clock import new_id, now
from projections.read_models.mcps.health.queries import McpHealth
from projections.read_models.organizations.counts.queries import mcps_guard
from projections.read_models.usage.queries import McpUsage


class Body(CredentialFields, frozen=True, forbid_unknown_fields=True, kw_only=True):
    auth_type: Annotated[AuthType, Meta(description="The authentication to the server. Default: `none`.")] | None = None
    name: Name
    endpoint_url: EndpointUrl
    description: Description = ""
    environment: (
        Annotated[Environment, Meta(description="Live or test. Default: the environment of the caller's key.")] | None
    ) = None
    health_checks: HealthChecks = True


@Route(
    "POST",
    "/v1/mcps",
    access="mcps:write",
    tag="MCP servers",
    summary="Register an MCP server",
    description="The credential is encrypted immediately and never returned.",
    status=201,
    body_example={
        "name": "Wiki",
        "endpoint_url": "https://mcp.example.com/mcp",
        "auth_type": "bearer",
        "auth_token": "the server's own token",
    },
    example=structs.replace(MCP_EXAMPLE, health="unknown", last_active=None, request_count=0),
    errors=("mcp_limit_reached",),
    has_revision=True,
    idempotent=True,
)
async def create_mcp(request: HttpRequest, body: Body) -> Success[Mcp]:
    auth_type: AuthType = body.auth_type or "none"
    credential = assembled(auth_type, body.given)
    services = get_services(request)
    organization_id = request.auth.organization_id
    at = now()
    mcp_id = new_id("mcp")

    def command(counts: McpCounts) -> RegisterMcp:
        return RegisterMcp(
            mcp_id=mcp_id,
            organization_id=organization_id,
            name=body.name,
            endpoint_url=body.endpoint_url,
            environment=body.environment or request.auth.default_environment,
            auth_type=auth_type,
            at=at,
            by=request.auth.actor,
            counts=counts,
            endpoint_problem=check_endpoint_url(body.endpoint_url, services.config.egress),
            description=body.description,
            health_checks=body.health_checks,
        )

    return await run_command(
        request,
        MCP,
        mcp_id,
        command,
        guard=mcps_guard(organization_id, services.plans),
        render=lambda change: changed_mcp(change, McpUsage(), McpHealth()),
        extra_statements=lambda _: store_credential(services.sealer, credential, mcp_id, organization_id),
    )
