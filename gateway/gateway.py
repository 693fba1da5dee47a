"""Calls to upstream MCP servers: the whole public face of this package.

    async with Gateway(GatewayConfig()) as gateway:
        result = await gateway.call_tool(upstream, "add", {"numbers": [1, 2]}, timeout_seconds=30)

Every method raises `gateway.errors.GatewayError` and nothing else. `timeout_seconds` covers everything from the wait in
the gateway's own queue to the last byte. A Gateway belongs to the event loop that it was opened in.
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

# These libraries log headers, bodies and quotes of what an upstream sent, some of it at ERROR. What is worth knowing
# about a failure is in the GatewayError.
_TALKATIVE = {"httpcore2": logging.WARNING, "httpx2": logging.WARNING}


class Gateway:
    """The client side of MCP over Streamable HTTP; one for the whole process, for any number of tasks at once."""

    def __init__(self, config: GatewayConfig) -> None:
        self._config = config
        self._loading: asyncio.Future[Calls] | None = None

    async def __aenter__(self) -> Self:
        """Return immediately: what speaks HTTP takes a while to import, and is loaded in a thread meanwhile."""
        for name, level in _TALKATIVE.items():
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
        """Call one tool. A tool that says it failed is a result with `is_error`, not an exception.

        `find_catalogue` is asked for the stored tools when a refusal has to be explained. `wanted_headers`: which
        arguments this tool wants in headers too.
        Raises TooManyCalls, UpstreamUnreachable, UpstreamError, UpstreamTimeout, ToolNotFound, InvalidArguments.
        """
        calls = await self._calls()
        find = find_catalogue or _no_catalogue
        return await calls.call_tool(upstream, tool, arguments, timeout_seconds, find, wanted_headers or {})

    async def list_tools(self, upstream: Upstream, *, timeout_seconds: float) -> list[Tool]:
        """List the usable tools. Raises TooManyCalls, UpstreamUnreachable, UpstreamError, UpstreamTimeout."""
        return await (await self._calls()).list_tools(upstream, timeout_seconds)

    async def read_resource(self, upstream: Upstream, uri: str, *, timeout_seconds: float) -> Resource:
        """Read one resource.

        Raises TooManyCalls, UpstreamUnreachable, UpstreamError, UpstreamTimeout, ResourceNotFound.
        """
        return await (await self._calls()).read_resource(upstream, uri, timeout_seconds)

    async def probe(self, upstream: Upstream, *, timeout_seconds: float) -> Probe:
        """Find out whether the server answers and what it offers; that it does not is an answer, not an exception.

        Raises TooManyCalls alone.
        """
        return await (await self._calls()).probe(upstream, timeout_seconds)

    async def connections(self) -> list[str]:
        """Return what is open to upstreams, one line for each connection, for diagnosis."""
        return (await self._calls()).egress.connections

    async def _calls(self) -> "Calls":
        if self._loading is None:
            raise RuntimeError("The gateway is not open.")
        return await asyncio.shield(self._loading)

    async def _load(self) -> "Calls":
        # The one place that imports the libraries for HTTP.
        module = await asyncio.to_thread(importlib.import_module, "gateway.mcp_client")
        return module.Calls(self._config)


async def _no_catalogue() -> None:
    return None
