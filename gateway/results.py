"""What a call to an upstream MCP server gives back."""

import json
from typing import Any

import msgspec


class ToolResult(msgspec.Struct, frozen=True):
    """The answer to `tools/call`."""

    encoded: bytes
    """MCP's CallToolResult as JSON, as the server sent it: later versions of the protocol may add to it."""
    latency_ms: int
    """From the first connection to the last byte; the time in the gateway's own queue is not the server's."""
    response_bytes: int
    """Bytes of all response bodies of this call, as they came over the wire."""

    @property
    def result(self) -> dict[str, Any]:
        """The result as Python's values. A number beyond those of a float, which JSON allows, becomes infinite."""
        decoded: dict[str, Any] = json.loads(self.encoded)
        return decoded

    @property
    def is_error(self) -> bool:
        """The tool ran and said that it failed; `content` says why. The transport was fine."""
        return msgspec.json.decode(self.encoded, type=_Outcome).isError is True


class _Outcome(msgspec.Struct):
    isError: Any = False  # noqa: N815 -- the protocol's name; a value of another type is the server's own affair


class Tool(msgspec.Struct, frozen=True):
    """One tool as the MCP server lists it."""

    name: str
    description: str
    input_schema: dict[str, Any]


class Listed(msgspec.Struct, frozen=True):
    """The tools of an MCP server: those that are usable, and what is wrong with each of the others, in words."""

    tools: list[Tool]
    invalid: list[str] = []


class Resource(msgspec.Struct, frozen=True):
    """The answer to `resources/read`."""

    encoded: bytes
    """MCP's TextResourceContents and BlobResourceContents as a JSON array, as the server sent it."""
    latency_ms: int
    response_bytes: int

    @property
    def contents(self) -> list[dict[str, Any]]:
        decoded: list[dict[str, Any]] = json.loads(self.encoded)
        return decoded


class Probe(msgspec.Struct, frozen=True):
    """What `probe` found. The protocol, the counts and the tools are known only where the server was reached."""

    reachable: bool
    latency_ms: int
    protocol_version: str | None = None
    tools_count: int | None = None
    resources_count: int | None = None
    tools: list[dict[str, Any]] | None = None
    """Each tool's `name`, `description` and `input_schema`, ready for JSON; None where they could not be listed."""
    problem: str | None = None
    """Why the server was not reached, or what is wrong with its lists, in words that may be shown."""
    code: str | None = None
    """The error code that a call would have had: `mcp_unreachable`, `mcp_error` or `mcp_timeout`."""
    waited_seconds: float = 0.0
    """How long the server had, where it did not answer in time."""
    retry_after_seconds: int | None = None
    """For how long the server asks to be left alone, if it says so."""
