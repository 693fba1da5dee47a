"""PATCH /v1/mcps/{id}: change the name, URL, credential or status of an MCP.

A credential that is not sent stays unchanged, and so does a part of it: `auth_token` alone keeps the header name. A
credential is never sent to another host than the one it was set for. `{"status": "inactive"}` blocks all keys as soon
as the response is sent.
"""

from collections.abc import Iterable
from typing import Literal

from litestar import patch
from msgspec import UNSET, UnsetType

from app.api.mcps.credential import CredentialFields, assembled, parts
from app.api.mcps.schemas import changed_mcp
from app.commands.run_command import run_command
from app.handlers import Empty, HttpRequest, HttpResponse, get_services, parse_body, parse_query
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
from projections.read_models.mcps.list.queries import McpRoute, route
from projections.read_models.usage.queries import mcp_usage_of


class Body(CredentialFields, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    endpoint_url: str | UnsetType = UNSET
    environment: Environment | UnsetType = UNSET
    status: Literal["active", "inactive"] | UnsetType = UNSET


@patch("/v1/mcps/{mcp_id:str}", access="mcps:write")
async def change_mcp(request: HttpRequest, mcp_id: str) -> HttpResponse:
    parse_query(request, Empty)
    body = parse_body(request, Body)
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
