"""POST /v1/mcps/{id}/test: connect to an MCP server and list its tools. Inactive MCPs can be tested too."""

from typing import Annotated

import msgspec
from litestar import post
from msgspec import Meta, Struct

from app.commands.call_once import call_once
from app.handlers import Empty, HttpRequest, HttpResponse, get_services, parse_body, parse_query
from gateway.health import PROBE_SECONDS, probe
from gateway.mcp_target import load_target


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    timeout: Annotated[int, Meta(ge=1_000, le=60_000)] = int(PROBE_SECONDS * 1_000)


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


@post("/v1/mcps/{mcp_id:str}/test", access="mcps:write", status_code=200)
async def test_mcp(request: HttpRequest, mcp_id: str) -> HttpResponse:
    parse_query(request, Empty)
    body = parse_body(request, Body)
    return await call_once(request, body.timeout / 1_000, lambda: _run_test(request, mcp_id, body))


async def _run_test(request: HttpRequest, mcp_id: str, body: Body) -> bytes:
    services = get_services(request)
    target = await load_target(services.pool, services.sealer, mcp_id, request.auth.organization_id)
    found = await probe(
        services.commands, services.gateway, target, timeout_seconds=body.timeout / 1_000, conclusive=True
    )
    tested = McpTestResult(
        found.reachable,
        found.latency_ms,
        found.protocol_version,
        found.tools_count,
        found.resources_count,
        found.code,
        found.problem,
    )
    return msgspec.json.encode({"success": True, "data": tested})
