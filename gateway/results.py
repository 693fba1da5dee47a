"""What a call to an upstream MCP server gives back."""

from typing import Any

import msgspec


class ToolResult(msgspec.Struct, frozen=True):
    """The answer to `tools/call`."""

    result: dict[str, Any]
    """MCP's CallToolResult, ready for JSON: `content`, `isError`, and `structuredContent` where the tool gave it."""
    latency_ms: int
    """From the start of the call, connecting included, to the last byte."""
    response_bytes: int
    """Bytes of all response bodies of this call, as they came over the wire."""

    @property
    def is_error(self) -> bool:
        """The tool ran and said that it failed; `content` says why. The transport was fine."""
        return self.result.get("isError") is True


class Tool(msgspec.Struct, frozen=True):
    """One tool as the MCP server lists it."""

    name: str
    description: str
    input_schema: dict[str, Any]


class Resource(msgspec.Struct, frozen=True):
    """The answer to `resources/read`."""

    contents: list[dict[str, Any]]
    """MCP's TextResourceContents and BlobResourceContents, ready for JSON."""
    latency_ms: int
    response_bytes: int


class Probe(msgspec.Struct, frozen=True):
    """What `probe` found. Everything but `reachable` and `latency_ms` is known only where the server was reached."""

    reachable: bool
    latency_ms: int
    protocol_version: str | None = None
    tools_count: int | None = None
    resources_count: int | None = None
    tools: list[dict[str, Any]] | None = None
    """Each tool's `name`, `description` and `input_schema`, ready for JSON."""
    problem: str | None = None
    """Why the server was not reached, in words; fit to be shown."""
    code: str | None = None
    """The error code that a call would have had: `mcp_unreachable`, `mcp_error` or `mcp_timeout`."""
