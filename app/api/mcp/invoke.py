"""POST /v1/mcp/invoke: call a tool of an MCP server on behalf of a key holder."""

from typing import Annotated, Any

import structlog
from msgspec import Meta, Raw, Struct, field

from app.api import examples
from app.api.api_keys.verify import Tool, validate_target
from app.api.mcp.call import TIMEOUT_MS_DEFAULT, authorize
from app.api.mcp.idempotent_call import call_once, repeatable
from app.api.mcp.schemas import CALL_ERRORS, McpToCall
from app.api.schemas import Count, McpId, Time
from app.auth.callers import access_request
from app.handlers import encode_success
from app.http.decoding import read_body, refuse_parameters
from app.http.errors import Problem
from app.http.messages import RawRequest, RawResponse
from app.route import Route
from app.services import Services
from app.verification.authenticate import raise_if_invalid
from domain.usage.events import CALL_TIMEOUT_MS_MAX
from gateway.catalogue import Catalogue, find_catalogue
from gateway.errors import HeadersMissing
from gateway.gateway import Gateway
from gateway.health import request_tool_list
from gateway.mcp_target import McpTarget
from gateway.results import ToolResult
from gateway.wire.parameter_headers import wanted_headers
from infrastructure.clock import now
from infrastructure.database.errors import UNAVAILABLE, Unavailable

_log = structlog.get_logger(__name__)


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    mcp_id: McpToCall
    tool: Annotated[Tool, Meta(description="The name of the tool.")]
    arguments: Annotated[dict[str, Any], Meta(description="Arguments of the tool, according to its input schema.")] = (
        field(default_factory=dict[str, Any])
    )
    timeout: Annotated[
        int, Meta(ge=100, le=CALL_TIMEOUT_MS_MAX, description="Milliseconds to wait for the server.")
    ] = TIMEOUT_MS_DEFAULT


class CallMetadata(Struct, frozen=True):
    mcp_id: McpId
    tool: str
    latency_ms: Count
    timestamp: Time


class ToolCall(Struct, frozen=True):
    """The response of the tool. `result` is the CallToolResult of the Model Context Protocol."""

    result: Annotated[Raw, Meta(extra_json_schema={"type": "object"})]
    metadata: CallMetadata


@Route(
    "POST",
    "/v1/mcp/invoke",
    access="any key",
    tag="Calls",
    summary="Call a tool",
    description="The call is recorded before the server is called, and again with its outcome. A tool that "
    "reports a failure is a success of this request: its `result` has `isError`. Under an "
    "`Idempotency-Key` the server is called once, whatever its response; `conflict` means that the "
    "outcome of the first call is unknown.",
    body_example={"mcp_id": examples.MCP_ID, "tool": "get_page", "arguments": {"title": "Home"}},
    example=ToolCall(
        Raw(b'{"content": [{"type": "text", "text": "Welcome"}], "isError": false}'),
        CallMetadata(mcp_id=examples.MCP_ID, tool="get_page", latency_ms=42, timestamp=examples.LATER),
    ),
    errors=CALL_ERRORS,
    idempotent=True,
    direct=True,
    body=Body,
    response=ToolCall,
)
async def invoke_tool(inbound: RawRequest, services: Services) -> RawResponse:
    key_only = access_request(inbound, "call")
    try:
        body, request = _read_request(inbound), repeatable(inbound)
    except Problem as problem:
        await raise_if_invalid(inbound, services.verification, key_only, problem)
    call = await authorize(inbound, services, body.mcp_id, body.tool, named=body.tool, timeout_ms=body.timeout)

    async def ask(gateway: Gateway, target: McpTarget, timeout_seconds: float) -> ToolResult:
        is_stale = False

        async def stored() -> Catalogue | None:
            nonlocal is_stale
            try:
                found = await find_catalogue(services.pool, target.mcp_id, target.organization_id)
            except (Unavailable, *UNAVAILABLE) as error:
                # The server has responded. An error now would make the caller repeat a call that may have run.
                _log.warning("mcp_catalogue_read_failed", mcp_id=target.mcp_id, error=type(error).__name__)
                return None
            is_stale = found is None or body.tool not in found
            return found

        try:
            return await gateway.call_tool(
                target.upstream,
                body.tool,
                body.arguments,
                timeout_seconds=timeout_seconds,
                find_catalogue=stored,
                wanted_headers=wanted_headers(target.parameter_headers, body.tool),
            )
        except HeadersMissing:
            is_stale = True
            raise
        finally:
            if is_stale:
                await request_tool_list(services.pool, target)

    async def make() -> bytes:
        result = await call.execute(ask)
        metadata = CallMetadata(body.mcp_id, body.tool, result.latency_ms, now())
        return encode_success(ToolCall(Raw(result.encoded), metadata))

    return await call_once(call, inbound, request, make)


def _read_request(inbound: RawRequest) -> Body:
    refuse_parameters(inbound.query)
    body = read_body(inbound.body, inbound.header("content-type") or "", Body)
    validate_target(body.mcp_id, body.tool)
    return body
