"""Response shapes of MCP servers and calls, which `app/api/mcps/schemas.py` and `app/api/mcp` create."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from app.api.schemas import Count, McpId, Revision, Time
from domain.environment import Environment
from domain.mcps.events import AuthType

ErrorRate = Annotated[float | None, Meta(description="0 to 1, over all completed calls; null if there were none.")]


class Mcp(Struct):
    """An MCP server without its credential, which is never returned."""

    id: McpId
    name: str
    endpoint_url: str
    description: str
    environment: Environment
    auth_type: AuthType
    status: Literal["active", "inactive"]
    health: Literal["healthy", "unhealthy", "unknown"]
    created_at: Time
    last_active: Time | None
    request_count: Count
    revision: Revision


class McpFigures(Struct):
    total_requests: Count
    requests_today: Count
    error_rate: ErrorRate
    avg_latency_ms: float | None


class McpTool(Struct):
    """A tool that the last test found."""

    name: str
    description: str
    input_schema: dict[str, Any]


class McpDetail(Mcp):
    """An MCP server with its usage, health and tools."""

    health_checked_at: Time | None
    updated_at: Time
    stats: McpFigures
    tools: list[McpTool]


class DeletedMcp(Struct):
    deleted: Annotated[bool, Meta(extra_json_schema={"const": True})]
    mcp_id: McpId


class ToolCall(Struct):
    """The response of the tool. `result` is the CallToolResult of the Model Context Protocol."""

    result: dict[str, Any]
    metadata: "CallMetadata"


class CallMetadata(Struct):
    mcp_id: McpId
    tool: str
    latency_ms: Count
    timestamp: Time


class ResourceContents(Struct):
    """`contents` are the TextResourceContents and BlobResourceContents of the Model Context Protocol."""

    contents: list[dict[str, Any]]
