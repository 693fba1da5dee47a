"""MCP servers, as the API returns them, without their credentials."""

from datetime import datetime
from typing import Any

from msgspec import Struct, field


class McpStats(Struct, frozen=True):
    """Statistics. `error_rate`: 0 to 1; `avg_latency_ms`: None before the first call."""

    total_requests: int = 0
    requests_today: int = 0
    error_rate: float | None = None
    avg_latency_ms: float | None = None


class Tool(Struct, frozen=True):
    name: str
    description: str | None = None
    input_schema: dict[str, Any] = field(default_factory=dict[str, Any])


class Mcp(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    endpoint_url: str
    description: str
    environment: str
    auth_type: str
    status: str
    health: str
    created_at: datetime
    last_active: datetime | None = None
    request_count: int = 0
    revision: int
    health_checks: bool = True


class NamedMcp(Struct, frozen=True):
    id: str
    name: str
    environment: str
    status: str


class BriefTool(Struct, frozen=True):
    name: str
    description: str = ""


class ListedMcp(Mcp, frozen=True, kw_only=True):
    """An MCP in a list. `tools` is None unless the list was requested with them."""

    tools: tuple[BriefTool, ...] | None = None


class McpDetail(Mcp, frozen=True, kw_only=True):
    """An MCP with its tools. `tools` is None if the service does not know them."""

    health_checked_at: datetime | None = None
    updated_at: datetime | None = None
    stats: McpStats | None = None
    tools: tuple[Tool, ...] | None = None


class DeletedMcp(Struct, frozen=True):
    deleted: bool
    mcp_id: str


class McpProbe(Struct, frozen=True):
    """The result of a connection test.

    `problem` and `code` contain the reason if the server was not reached. A reached server can have a `problem` too,
    such as malformed tools, which are omitted.
    """

    reachable: bool
    latency_ms: int
    protocol_version: str | None = None
    tools_count: int | None = None
    resources_count: int | None = None
    problem: str | None = None
    code: str | None = None


class CallMetadata(Struct, frozen=True):
    mcp_id: str
    tool: str
    latency_ms: int
    timestamp: datetime


class Invocation(Struct, frozen=True):
    """The result of a tool call: MCP's CallToolResult with `content`, `isError` and optional `structuredContent`."""

    result: dict[str, Any]
    metadata: CallMetadata

    @property
    def is_error(self) -> bool:
        """Return whether the tool ran and reported a failure. `result["content"]` contains its reason."""
        return self.result.get("isError") is True


class Resource(Struct, frozen=True):
    """A resource. `contents`: MCP's text and blob contents."""

    contents: tuple[dict[str, Any], ...]


class ReachableTool(Struct, frozen=True):
    name: str
    description: str


class ReachableServer(Struct, frozen=True):
    """An MCP server that the key reaches, with the tools that the key may call."""

    id: str
    name: str
    health: str
    tools: tuple[ReachableTool, ...] = ()
