"""One call to an upstream over the official MCP SDK.

Importing this module imports the SDK, which takes most of a second. `gateway.py` alone does so, when it is opened.
"""

import re
import time
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar, cast

import anyio
import httpx2
import mcp_types
import msgspec
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from pydantic import TypeAdapter

from gateway.arguments import misfits
from gateway.config import GatewayConfig
from gateway.egress import Egress
from gateway.errors import (
    GatewayError,
    InvalidArguments,
    ResourceNotFound,
    ToolNotFound,
    UpstreamError,
    UpstreamTimeout,
)
from gateway.exchange import Exchange
from gateway.failures import Meaning, is_refusal_of_parameters
from gateway.redaction import redacted_json
from gateway.results import Probe, Resource, Tool, ToolResult
from gateway.upstream import Upstream, credential_secrets

T = TypeVar("T")

_PAGES_MAX = 100  # a paginator that never ends must not either
# Ending a session is a courtesy to servers that keep one; the answer is there already and must not wait for it.
_GOODBYE_SECONDS = 1.0
_RESOURCE_NOT_FOUND_BEFORE_2026 = -32002
_UNKNOWN = re.compile(r"unknown tool|no such tool|tool.{0,200}(not found|does not exist|not exist)", re.IGNORECASE)
_CALL_RESULT: TypeAdapter[mcp_types.CallToolResult | mcp_types.InputRequiredResult] = TypeAdapter(
    mcp_types.CallToolResult | mcp_types.InputRequiredResult
)


class Answer(Generic[T]):
    """What an operation returned, and what it cost."""

    def __init__(self, value: T, latency_ms: int, response_bytes: int) -> None:
        self.value = value
        self.latency_ms = latency_ms
        self.response_bytes = response_bytes


class Calls:
    """The operations of `Gateway`, once the SDK is loaded."""

    def __init__(self, config: GatewayConfig) -> None:
        self.egress = Egress(config)
        self._config = config
        self._client_info = mcp_types.Implementation(name="keyledger", version=config.client_version)

    async def call_tool(
        self, upstream: Upstream, tool: str, arguments: dict[str, Any], timeout_seconds: float
    ) -> ToolResult:
        meaning = self._meaning(upstream)
        failed: dict[str, Any] | None = None

        async def operation(client: Client) -> dict[str, Any]:
            nonlocal failed
            try:
                result = await _call(client, tool, arguments)
            except MCPError as error:
                if is_refusal_of_parameters(error):
                    raise await _explained(client, tool, arguments, meaning, error) from None
                raise
            if result["isError"] is True:
                failed = result
                await _check_failed(client, tool, arguments, meaning, result)
            return result

        try:
            answer = await self._ask(upstream, timeout_seconds, operation)
        except (ToolNotFound, InvalidArguments):
            raise
        except GatewayError as error:
            # The tool's own word counts, even if the server could not explain it any more.
            if failed is None:
                raise
            answer = Answer(failed, error.latency_ms, error.response_bytes)
        result = redacted_json(answer.value, credential_secrets(upstream.credential))
        return ToolResult(result, answer.latency_ms, answer.response_bytes)

    async def list_tools(self, upstream: Upstream, timeout_seconds: float) -> list[Tool]:
        return (await self._ask(upstream, timeout_seconds, _tools)).value

    async def read_resource(self, upstream: Upstream, uri: str, timeout_seconds: float) -> Resource:
        meaning = self._meaning(upstream)

        async def operation(client: Client) -> list[dict[str, Any]]:
            try:
                result = await client.read_resource(uri)
            except MCPError as error:
                # SEP-2164 makes an unknown resource -32602; before, -32002 was in use.
                if is_refusal_of_parameters(error) or error.code == _RESOURCE_NOT_FOUND_BEFORE_2026:
                    raise ResourceNotFound(f"It said: {meaning.text(error.message)}") from None
                raise
            return [contents.model_dump(by_alias=True, mode="json", exclude_unset=True) for contents in result.contents]

        answer = await self._ask(upstream, timeout_seconds, operation)
        contents = redacted_json(answer.value, credential_secrets(upstream.credential))
        return Resource(contents, answer.latency_ms, answer.response_bytes)

    async def probe(self, upstream: Upstream, timeout_seconds: float) -> Probe:
        async def operation(client: Client) -> tuple[str, list[Tool], int]:
            offers = client.server_capabilities
            tools = await _tools(client) if offers.tools is not None else []
            resources = await _count_resources(client) if offers.resources is not None else 0
            return client.protocol_version, tools, resources

        try:
            answer = await self._ask(upstream, timeout_seconds, operation)
        except GatewayError as error:
            return Probe(reachable=False, latency_ms=error.latency_ms, problem=str(error), code=error.code)
        version, tools, resources = answer.value
        shown = redacted_json(msgspec.to_builtins(tools), credential_secrets(upstream.credential))
        return Probe(True, answer.latency_ms, version, len(tools), resources, shown)

    def _meaning(self, upstream: Upstream) -> Meaning:
        return Meaning(credential_secrets(upstream.credential), self._config.upstream_text_max)

    async def _ask(
        self, upstream: Upstream, timeout_seconds: float, operation: Callable[[Client], Awaitable[T]]
    ) -> Answer[T]:
        """Connect, run `operation`, part; everything within `timeout_seconds`. Raises GatewayError and nothing else."""
        started = time.perf_counter()
        answer: Answer[T] | None = None
        failure: GatewayError | None = None
        scope = anyio.CancelScope(deadline=anyio.current_time() + timeout_seconds)
        exchange = Exchange(self.egress, upstream, scope, self._config.response_bytes_max)
        with scope:
            try:
                async with self._client(upstream, exchange) as client:
                    try:
                        value = await operation(client)
                        answer = Answer(value, _milliseconds_since(started), exchange.response_bytes)
                    except Exception as error:
                        failure = self._meaning(upstream).of(error, exchange.status)
                        raise
                    finally:
                        scope.deadline = min(scope.deadline, anyio.current_time() + _GOODBYE_SECONDS)
            except Exception as error:  # noqa: BLE001 - the SDK raises whatever its parts raise, in groups
                if failure is None and not scope.cancel_called:
                    failure = self._meaning(upstream).of(error, exchange.status)
        if answer is not None:
            return answer
        error = failure or exchange.failure or UpstreamTimeout(f"The limit was {timeout_seconds:g} s.")
        error.latency_ms = _milliseconds_since(started)
        error.response_bytes = exchange.response_bytes
        # Without its cause: exceptions of the SDK quote the upstream at length and unredacted.
        raise error from None

    def _client(self, upstream: Upstream, exchange: Exchange) -> Client:
        # An HTTP client per call over the shared connections: headers and cookies of one call can not meet another's.
        # A server that balances its sessions by cookie is served, since they live as long as the call. The SDK would
        # follow redirects within the origin by itself; `max_redirects=0` tells it not to.
        http = httpx2.AsyncClient(
            transport=exchange,
            timeout=None,  # the scope of the call is the timeout
            max_redirects=0,
            trust_env=False,
            headers={"User-Agent": f"keyledger/{self._config.client_version}", "Accept-Encoding": "identity"},
        )
        return Client(
            streamable_http_client(
                upstream.endpoint_url, http_client=http, max_sse_event_size=self._config.response_bytes_max
            ),
            mode="auto",
            client_info=self._client_info,
            cache=None,  # lives no longer than this call
        )


async def _call(client: Client, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Send `tools/call` and return the result as JSON.

    Not by `Client.call_tool`: that lists all tools first and checks every result against the schema that the server
    gives, so that a hostile pattern in a schema could stop this process.
    """
    request = mcp_types.CallToolRequest(params=mcp_types.CallToolRequestParams(name=tool, arguments=arguments))
    try:
        result = await client.session.send_request(request, _CALL_RESULT)
    except MCPError as error:
        if error.code != mcp_types.HEADER_MISMATCH:
            raise
        # Some arguments must be repeated in headers, which the listing says; the SDK does so once it has seen it.
        await _tools(client)
        result = await client.session.send_request(request, _CALL_RESULT)
    if isinstance(result, mcp_types.InputRequiredResult):
        raise UpstreamError("It asks for input from a person, which a call by key can not give.")
    dumped = result.model_dump(by_alias=True, mode="json", exclude_unset=True)
    dumped.pop("resultType", None)  # framing of the protocol, not part of the result
    dumped.setdefault("isError", False)
    return dumped


async def _explained(
    client: Client, tool: str, arguments: dict[str, Any], meaning: Meaning, error: MCPError
) -> GatewayError:
    """Tell an unknown tool from wrong arguments: MCP gives both the same JSON-RPC code."""
    said = f"It said: {meaning.text(error.message)}"
    listed = await _listed(client, tool)
    if isinstance(listed, Tool):
        return InvalidArguments(said, fields=misfits(listed.input_schema, arguments))
    # A server that can not be asked again is taken by its word.
    return ToolNotFound(said) if listed or _UNKNOWN.search(error.message) else InvalidArguments(said)


async def _check_failed(
    client: Client, tool: str, arguments: dict[str, Any], meaning: Meaning, result: dict[str, Any]
) -> None:
    """Raise if a failed result only says that there is no such tool, or that the arguments do not fit.

    The SDK's own server answers so, where the specification asks for a JSON-RPC error.
    """
    said = _text_of(result)
    listed = await _listed(client, tool)
    if isinstance(listed, Tool):
        if fields := misfits(listed.input_schema, arguments):
            raise InvalidArguments(f"It said: {meaning.text(said)}", fields=fields)
    elif listed and _UNKNOWN.search(said):
        raise ToolNotFound(f"It said: {meaning.text(said)}")


async def _listed(client: Client, name: str) -> Tool | bool:
    """Return the tool as the server lists it, True if it lists others only, False if it does not say."""
    try:
        tools = await _tools(client)
    except MCPError:
        return False
    return next((tool for tool in tools if tool.name == name), True)


async def _tools(client: Client) -> list[Tool]:
    tools: list[Tool] = []
    cursor: str | None = None
    for _ in range(_PAGES_MAX):
        page = await client.list_tools(cursor=cursor)
        tools += [Tool(tool.name, tool.description or "", tool.input_schema) for tool in page.tools]
        if (cursor := page.next_cursor) is None:
            return tools
    raise UpstreamError(f"Its list of tools has more than {_PAGES_MAX} pages.")


async def _count_resources(client: Client) -> int:
    count = 0
    cursor: str | None = None
    for _ in range(_PAGES_MAX):
        page = await client.list_resources(cursor=cursor)
        count += len(page.resources)
        if (cursor := page.next_cursor) is None:
            return count
    raise UpstreamError(f"Its list of resources has more than {_PAGES_MAX} pages.")


def _text_of(result: dict[str, Any]) -> str:
    contents = cast("list[dict[str, Any]]", result.get("content", []))
    return " ".join(str(content.get("text", "")) for content in contents)


def _milliseconds_since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
