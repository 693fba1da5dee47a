"""Calls to upstream MCP servers.

    async with Gateway(GatewayConfig()) as gateway:
        result = await gateway.call_tool(upstream, "add", {"numbers": [1, 2]}, timeout_seconds=30)

Every method raises only `gateway.errors.GatewayError`. `timeout_seconds` covers everything from the wait in the
gateway's queue to the last byte. A Gateway belongs to the event loop that it was opened in.
"""

import asyncio
import importlib
import logging
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from gateway.config import GatewayConfig
from gateway.results import Probe, Resource, Tool, ToolResult
from gateway.upstream import Upstream

if TYPE_CHECKING:
    from gateway.mcp_client import Calls, FindCatalogue
    from gateway.wire.parameter_headers import ParameterHeaders

# These libraries log headers, bodies and quotes of an upstream's data. The GatewayError contains what an operator needs
# to know about a failure.
_LIBRARY_LEVELS = {"httpcore2": logging.WARNING, "httpx2": logging.WARNING}


class Gateway:
    """The client side of MCP over Streamable HTTP. One instance serves all tasks of a process concurrently."""

    def __init__(self, config: GatewayConfig) -> None:
        self._config = config
        self._loading: asyncio.Future[Calls] | None = None

    async def __aenter__(self) -> Self:
        """Open the gateway without waiting: a thread imports the HTTP libraries, which takes a while."""
        for name, level in _LIBRARY_LEVELS.items():
            logging.getLogger(name).setLevel(level)
        self._loading = asyncio.ensure_future(self._load())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        calls = await self._calls()
        self._loading = None
        await calls.aclose()

    async def call_tool(
        self,
        upstream: Upstream,
        tool: str,
        arguments: dict[str, Any],
        *,
        timeout_seconds: float,
        find_catalogue: "FindCatalogue | None" = None,
        wanted_headers: "ParameterHeaders | None" = None,
    ) -> ToolResult:
        """Call one tool. A tool that reports a failure returns a result with `is_error`, not an exception.

        `find_catalogue` returns the stored tools, to explain a refusal. `wanted_headers`: the arguments that this tool
        requires in headers too.
        Raise TooManyCalls, UpstreamUnreachable, UpstreamError, UpstreamTimeout, ToolNotFound, InvalidArguments.
        """
        calls = await self._calls()
        find = find_catalogue or _no_catalogue
        return await calls.call_tool(upstream, tool, arguments, timeout_seconds, find, wanted_headers or {})

    async def list_tools(self, upstream: Upstream, *, timeout_seconds: float) -> list[Tool]:
        """List the usable tools. Raise TooManyCalls, UpstreamUnreachable, UpstreamError, UpstreamTimeout."""
        return await (await self._calls()).list_tools(upstream, timeout_seconds)

    async def read_resource(self, upstream: Upstream, uri: str, *, timeout_seconds: float) -> Resource:
        """Read one resource.

        Raise TooManyCalls, UpstreamUnreachable, UpstreamError, UpstreamTimeout, ResourceNotFound.
        """
        return await (await self._calls()).read_resource(upstream, uri, timeout_seconds)

    async def probe(self, upstream: Upstream, *, timeout_seconds: float) -> Probe:
        """Return whether the server responds, and what it offers. A failure is a result, not an exception.

        Raise TooManyCalls and nothing else.
        """
        return await (await self._calls()).probe(upstream, timeout_seconds)

    async def connections(self) -> list[str]:
        """Return a line for each open connection to an upstream, for diagnosis."""
        return (await self._calls()).egress.connections

    async def _calls(self) -> "Calls":
        if self._loading is None:
            raise RuntimeError("The gateway is not open.")
        return await asyncio.shield(self._loading)

    async def _load(self) -> "Calls":
        # The import of `mcp_client` loads the HTTP libraries.
        module = await asyncio.to_thread(importlib.import_module, "gateway.mcp_client")
        return module.Calls(self._config)


async def _no_catalogue() -> None:
    return None
