"""PATCH /v1/mcps/{id}: change the name, URL, credential or status of an MCP.

A credential that is not sent stays unchanged, and so does a part of it: `auth_token` alone keeps the header name. A
credential is never sent to another host than the one it was set for. `{"status": "inactive"}` blocks all keys as soon
as the response is sent.
"""

from collections.abc import Iterable
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType, structs

from app.api.mcps.credential import CredentialFields, assembled, parts
from app.api.mcps.schemas import MCP_EXAMPLE, EndpointUrl, HealthChecks, Mcp, changed_mcp
from app.api.schemas import Description, Name
from app.commands.run_command import run_command
from app.handlers import HttpRequest, Success, get_services
from app.route import Route
from domain.environment import Environment
from domain.mcps.commands import ChangeMcp
from domain.mcps.decider import MCP
from domain.mcps.errors import McpNotFound
from domain.mcps.events import AuthType, McpEvent
from domain.mcps.state import McpState, Registered
from eventstore.execute import Change
from gateway.endpoint import check_endpoint_url
from gateway.mcp_target import replace_credential, stored_credential
from gateway.upstream import Credential
from infrastructure.clock import now
from infrastructure.database.statements import Statement
from projections.read_models.mcps.health.queries import McpHealth, health_of
from projections.read_models.mcps.list.queries import McpRoute, McpStatus, route
from projections.read_models.usage.queries import mcp_usage_of


class Body(CredentialFields, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: Name | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    endpoint_url: EndpointUrl | UnsetType = UNSET
    environment: Annotated[Environment, Meta(description="Live or test.")] | UnsetType = UNSET
    status: Annotated[McpStatus, Meta(description="Whether keys can reach the server.")] | UnsetType = UNSET
    health_checks: HealthChecks | UnsetType = UNSET


@Route(
    "PATCH",
    "/v1/mcps/{mcp_id}",
    access="mcps:write",
    tag="MCP servers",
    summary="Update an MCP server",
    description="Omitted fields stay unchanged, including the credential, which is never sent to another host "
    "than the one it was set for. `inactive` blocks all keys once this response is sent.",
    body_example={"status": "inactive"},
    example=structs.replace(MCP_EXAMPLE, status="inactive"),
    has_revision=True,
    if_match=True,
)
async def update_mcp(request: HttpRequest, mcp_id: str, body: Body) -> Success[Mcp]:
    services = get_services(request)
    organization_id = request.auth.organization_id
    async with services.read_transaction(organization_id) as connection:
        found = await route(connection, mcp_id, organization_id)
        usage = (await mcp_usage_of(connection, [mcp_id]))[mcp_id]
        health = (await health_of(connection, [mcp_id]))[mcp_id]
    if found is None:
        raise McpNotFound
    auth_type: AuthType = body.auth_type or found.auth_type
    credential: Credential | None = None
    if body.given or auth_type != found.auth_type:
        stored = _stored_parts(request, mcp_id, found) if auth_type == found.auth_type else {}
        credential = assembled(auth_type, {**stored, **body.given})
    problem = None
    if body.endpoint_url is not UNSET and body.endpoint_url != found.endpoint_url:
        problem = check_endpoint_url(body.endpoint_url, services.config.egress)
    command = ChangeMcp(
        at=now(),
        name=body.name,
        description="" if body.description is None else body.description,
        endpoint_url=body.endpoint_url,
        endpoint_problem=problem,
        environment=body.environment,
        # The complete credential, so that the result is right whatever a concurrent request has changed.
        auth_type=UNSET if credential is None else auth_type,
        status=body.status,
        health_checks=body.health_checks,
    )

    def extra_statements(_: Change[McpState, McpEvent]) -> Iterable[Statement]:
        if credential is None:
            return []
        return replace_credential(services.sealer, credential, mcp_id, organization_id)

    return await run_command(
        request,
        MCP,
        mcp_id,
        command,
        render=lambda change: changed_mcp(change, usage, McpHealth() if _endpoint_changed(change) else health),
        extra_statements=extra_statements,
    )


def _stored_parts(request: HttpRequest, mcp_id: str, found: McpRoute) -> dict[str, str]:
    return parts(stored_credential(get_services(request).sealer, found, mcp_id, request.auth.organization_id))


def _endpoint_changed(change: Change[McpState, McpEvent]) -> bool:
    """Return whether stored health results no longer apply, because calls now go to a different server."""
    states = (change.before, change.after)
    return len({state.mcp.endpoint_changed_at for state in states if isinstance(state, Registered)}) > 1
