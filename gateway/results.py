"""Results of calls to an upstream MCP server."""

import json
from typing import Any

import msgspec


class ToolResult(msgspec.Struct, frozen=True):
    """The response to `tools/call`."""

    encoded: bytes
    """MCP's CallToolResult as JSON, as the server sent it: later versions of the protocol may add to it."""
    latency_ms: int
    """From the first connection to the last byte; the time in the gateway's queue does not count."""
    response_bytes: int
    """Bytes of all response bodies of this call, as received."""

    @property
    def result(self) -> dict[str, Any]:
        """Return the result as Python values. A number beyond the range of a float becomes infinite."""
        decoded: dict[str, Any] = json.loads(self.encoded)
        return decoded

    @property
    def is_error(self) -> bool:
        """Return whether the tool ran and reported a failure, explained in `content`. The transport succeeded."""
        return msgspec.json.decode(self.encoded, type=_Outcome).isError is True


class _Outcome(msgspec.Struct):
    isError: Any = False  # noqa: N815 -- the protocol's name; a value of another type does not count as an error


class Tool(msgspec.Struct, frozen=True):
    """One tool as the MCP server lists it."""

    name: str
    description: str
    input_schema: dict[str, Any]


class Listed(msgspec.Struct, frozen=True):
    """The usable tools of an MCP server, and a description of the problem with each of the others."""

    tools: list[Tool]
    invalid: list[str] = []


class Resource(msgspec.Struct, frozen=True):
    """The response to `resources/read`."""

    encoded: bytes
    """MCP's TextResourceContents and BlobResourceContents as a JSON array, as the server sent it."""
    latency_ms: int
    response_bytes: int

    @property
    def contents(self) -> list[dict[str, Any]]:
        decoded: list[dict[str, Any]] = json.loads(self.encoded)
        return decoded


class Probe(msgspec.Struct, frozen=True):
    """The result of `probe`. The protocol, the counts and the tools are known only if the server was reached."""

    reachable: bool
    latency_ms: int
    protocol_version: str | None = None
    tools_count: int | None = None
    resources_count: int | None = None
    tools: list[dict[str, Any]] | None = None
    """Each tool's `name`, `description` and `input_schema`, ready for JSON; None if they could not be listed."""
    problem: str | None = None
    """Why the server was not reached, or what is wrong with its lists, as text that the caller may see."""
    code: str | None = None
    """The error code that a call would have had: `mcp_unreachable`, `mcp_error` or `mcp_timeout`."""
    waited_seconds: float = 0.0
    """How long the server had, if it did not respond in time."""
    retry_after_seconds: int | None = None
    """The delay that the server requests before another call, if any."""
