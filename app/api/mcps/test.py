"""POST /v1/mcps/{id}/test: connect to an MCP server and list its tools. Inactive MCPs can be tested too."""

from typing import Annotated

from msgspec import Meta, Struct

from app.commands.call_once import call_once
from app.handlers import HttpRequest, Success, get_services
from app.route import Route
from gateway.health import PROBE_SECONDS, probe
from gateway.mcp_target import load_target


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    timeout: Annotated[
        int, Meta(ge=1_000, le=60_000, description="Milliseconds to wait for the server. Default: 10000.")
    ] = int(PROBE_SECONDS * 1_000)


class McpTestResult(Struct, frozen=True):
    """`code` and `problem` give the reason if the server was not reached, and are null if it was.

    A server that was reached can still have a `problem`: malformed tools that were left out.
    """

    reachable: bool
    latency_ms: int
    protocol_version: str | None
    tools_count: int | None
    resources_count: int | None
    code: str | None
    problem: str | None


@Route(
    "POST",
    "/v1/mcps/{mcp_id}/test",
    access="mcps:write",
    tag="MCP servers",
    summary="Test an MCP server",
    description="Connect to the server and list its tools. The status is 200 even if the server does not "
    "respond: `reachable` is then false, and `code` and `problem` give the reason. Malformed tools "
    "are left out and named in `problem`.",
    body_example={"timeout": 5000},
    example=McpTestResult(
        reachable=True,
        latency_ms=42,
        protocol_version="2025-11-25",
        tools_count=3,
        resources_count=1,
        code=None,
        problem=None,
    ),
    errors=("conflict",),
    idempotent=True,
)
async def test_mcp(request: HttpRequest, mcp_id: str, body: Body) -> Success[McpTestResult]:
    return await call_once(request, body.timeout / 1_000, lambda: _run_test(request, mcp_id, body))


async def _run_test(request: HttpRequest, mcp_id: str, body: Body) -> McpTestResult:
    services = get_services(request)
    target = await load_target(services.pool, services.sealer, mcp_id, request.auth.organization_id)
    found = await probe(
        services.commands, services.gateway, target, timeout_seconds=body.timeout / 1_000, conclusive=True
    )
    return McpTestResult(
        found.reachable,
        found.latency_ms,
        found.protocol_version,
        found.tools_count,
        found.resources_count,
        found.code,
        found.problem,
    )
