"""POST /v1/mcp/invoke: calls a tool of an MCP server for the holder of a key."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from app.api.api_keys.verify import Tool, check_target, refuse_parameters
from app.api.mcp.call import TIMEOUT_MS_DEFAULT, authorised
from app.api.mcp.once import once, repeatable
from app.exchange import Inbound, Outbound
from app.payload import encode, read_body
from app.problems import Problem
from app.security.admission import refuse_invalid
from app.security.callers import presentation
from app.services import Services
from eventstore.clock import now
from gateway.gateway import Gateway
from gateway.results import ToolResult
from gateway.upstream import Upstream


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    mcp_id: str
    tool: Tool
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    timeout: Annotated[int, Meta(ge=100, le=120_000)] = TIMEOUT_MS_DEFAULT


class Metadata(Struct, frozen=True):
    mcp_id: str
    tool: str
    latency_ms: int
    timestamp: datetime


async def invoke_tool(inbound: Inbound, services: Services) -> Outbound:
    unread = presentation(inbound, "call")
    try:
        wanted, request = _wanted(inbound), repeatable(inbound)
    except Problem as problem:
        await refuse_invalid(inbound, services, unread, problem)
    call = await authorised(inbound, services, wanted.mcp_id, wanted.tool, named=wanted.tool, timeout_ms=wanted.timeout)

    async def ask(gateway: Gateway, upstream: Upstream, timeout_seconds: float) -> ToolResult:
        return await gateway.call_tool(upstream, wanted.tool, wanted.arguments, timeout_seconds=timeout_seconds)

    async def make() -> bytes:
        result = await call.carry_out(ask)
        metadata = Metadata(wanted.mcp_id, wanted.tool, result.latency_ms, now())
        return encode({"success": True, "data": {"result": result.result, "metadata": metadata}})

    return await once(call, inbound, request, make)


def _wanted(inbound: Inbound) -> Body:
    refuse_parameters(inbound)
    wanted = read_body(inbound.body, inbound.header("content-type") or "", Body)
    check_target(wanted.mcp_id, wanted.tool)
    return wanted
