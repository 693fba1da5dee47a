"""One call to an upstream MCP server: a slot, a session, and one operation in the session."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import anyio
import msgspec
from msgspec import Raw

from gateway.bulkheads import Bulkheads, Pool
from gateway.call_transport import Exchange
from gateway.catalogue import Catalogue
from gateway.config import GatewayConfig
from gateway.egress import Egress
from gateway.errors import (
    GatewayError,
    HeadersMissing,
    ResourceNotFound,
    ResponseTooLarge,
    TooManyCalls,
    UpstreamConnectionLost,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gateway.explanations import explained_refusal, explained_result
from gateway.old_transport import speaks_old_transport
from gateway.pages import entries_of
from gateway.redaction import redacted_bytes, redacted_json
from gateway.results import Listed, Probe, Resource, Tool, ToolResult
from gateway.retry_after import whole_seconds
from gateway.tool_list import listed, problem_of
from gateway.upstream import Upstream, credential_secrets
from gateway.wire.error_mapping import ErrorMapping, HttpRefusal, UnreadableResponse
from gateway.wire.messages import HEADER_MISMATCH, INVALID_PARAMS, METHOD_NOT_FOUND, RpcError, members
from gateway.wire.parameter_headers import ParameterHeaders, parameter_headers
from gateway.wire.session import Session

T = TypeVar("T")
FindCatalogue = Callable[[], Awaitable[Catalogue | None]]

# Sessions are ended so that servers need not keep them. A server that does not respond is not waited for.
_CLOSE_SECONDS = 1.0
_CLOSINGS_MAX = 64
_RESOURCE_NOT_FOUND_BEFORE_2026 = -32002
_COMPLETE = b'"complete"'
_INPUT_REQUIRED = b'"input_required"'
_LIST_FAILURES = (RpcError, HttpRefusal, UnreadableResponse, ResponseTooLarge)
_TEST = "test"


class ServerResponse(msgspec.Struct, Generic[T], frozen=True):
    """The result of an operation, with its duration and size."""

    value: T
    latency_ms: int
    response_bytes: int


class Calls:
    """The operations of `Gateway`."""

    def __init__(self, config: GatewayConfig) -> None:
        self.egress = Egress(config)
        self._config = config
        self._bulkheads = Bulkheads(config)
        self._closings: set[asyncio.Task[None]] = set()

    async def aclose(self) -> None:
        """End the sessions that can be ended within a second, and close every connection."""
        closings = set(self._closings)
        if closings:
            _, unfinished = await asyncio.wait(closings, timeout=_CLOSE_SECONDS)
            for closing in unfinished:
                closing.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
        await self.egress.aclose()

    async def call_tool(
        self,
        upstream: Upstream,
        tool: str,
        arguments: dict[str, Any],
        timeout_seconds: float,
        find_catalogue: FindCatalogue,
        wanted_headers: ParameterHeaders,
    ) -> ToolResult:
        refused: RpcError | None = None

        async def operation(session: Session) -> bytes:
            nonlocal refused
            headers = parameter_headers(wanted_headers, arguments) if session.modern else {}
            params = {"name": tool, "arguments": arguments}
            try:
                result = _unframed(await session.request("tools/call", params, name=tool, headers=headers))
            except RpcError as error:
                refused = error
                raise
            # Redacted inside the call, so that a result that is nested too deeply counts as an error of the server.
            return redacted_bytes(result, secrets)

        secrets = credential_secrets(upstream.credential)
        try:
            answer = await self._ask(upstream, timeout_seconds, operation)
        except UpstreamError as error:
            if refused is not None and refused.code == HEADER_MISMATCH:
                # The call is not sent again: a server of 2026 did not run it, but an older server may have.
                raise _with_cost_of(HeadersMissing(error.detail), error) from None
            if refused is None or refused.code not in {INVALID_PARAMS, METHOD_NOT_FOUND}:
                raise
            # No further request is sent: the stored catalogue explains the server's message.
            message = self._error_mapping(upstream).message_of(refused)
            explained = await explained_refusal(refused, message, await find_catalogue(), tool, arguments)
            raise (error if explained is None else _with_cost_of(explained, error)) from None
        result = ToolResult(answer.value, answer.latency_ms, answer.response_bytes)
        if result.is_error:
            words = _text_of(result.encoded)
            shown = self._error_mapping(upstream).text(words)
            explained = await explained_result(words, shown, await find_catalogue(), tool, arguments)
            if explained is not None:
                explained.latency_ms, explained.response_bytes = answer.latency_ms, answer.response_bytes
                raise explained
        return result

    async def list_tools(self, upstream: Upstream, timeout_seconds: float) -> list[Tool]:
        return (await self._ask(upstream, timeout_seconds, _tools)).value.tools

    async def read_resource(self, upstream: Upstream, uri: str, timeout_seconds: float) -> Resource:
        mapping = self._error_mapping(upstream)

        async def operation(session: Session) -> bytes:
            try:
                result = members(await session.request("resources/read", {"uri": uri}, name=uri))
            except RpcError as error:
                # SEP-2164 makes an unknown resource -32602; before, -32002 was in use.
                if error.code in {INVALID_PARAMS, _RESOURCE_NOT_FOUND_BEFORE_2026}:
                    raise ResourceNotFound(mapping.message_of(error)) from None
                raise
            _refuse_demand_for_input(result)
            contents = bytes(result.get("contents", b""))
            if not contents.startswith(b"["):
                raise UnreadableResponse("Its answer has no contents.")
            return redacted_bytes(contents, credential_secrets(upstream.credential))

        answer = await self._ask(upstream, timeout_seconds, operation)
        return Resource(answer.value, answer.latency_ms, answer.response_bytes)

    async def probe(self, upstream: Upstream, timeout_seconds: float) -> Probe:
        async def operation(session: Session) -> Probe:
            lists, problems = await self._lists(session, upstream)
            tools = None if lists.tools is None else msgspec.to_builtins(lists.tools)
            return Probe(
                True,
                0,
                session.protocol_version,
                None if tools is None else len(tools),
                lists.resources_count,
                redacted_json(tools, credential_secrets(upstream.credential)),
                " ".join(problems) or None,
                retry_after_seconds=lists.retry_after_seconds,
            )

        try:
            answer = await self._ask(upstream, timeout_seconds, operation, purpose=_TEST)
        except GatewayError as error:
            if isinstance(error, TooManyCalls):
                raise
            waited = error.waited_seconds if isinstance(error, UpstreamTimeout) else 0.0
            return Probe(
                False,
                error.latency_ms,
                problem=str(error),
                code=error.code,
                waited_seconds=waited,
                retry_after_seconds=error.retry_after_seconds,
            )
        return msgspec.structs.replace(answer.value, latency_ms=answer.latency_ms)

    async def _lists(self, session: Session, upstream: Upstream) -> tuple["_Lists", list[str]]:
        """Return the server's lists and their problems. A server that responds is reachable in spite of problems."""
        problems: list[str] = []
        tools, count = Listed([]), 0
        retry_after: int | None = None
        if session.capabilities.get("tools") is not None:
            try:
                tools = await _tools(session)
            except _LIST_FAILURES as error:
                failure = self._failure(session, upstream, error)
                problems.append(f"Its tools cannot be listed. {failure.explanation}")
                tools, retry_after = None, failure.retry_after_seconds
        if session.capabilities.get("resources") is not None and retry_after is not None:
            problems.append("Its resources were not requested.")
            count = None
        elif session.capabilities.get("resources") is not None:
            try:
                count = await _resources_count(session)
            except _LIST_FAILURES as error:
                failure = self._failure(session, upstream, error)
                problems.append(f"Its resources cannot be listed. {failure.explanation}")
                count, retry_after = None, failure.retry_after_seconds
        left_out = problem_of(tools.invalid) if tools is not None else None
        if left_out is not None:
            problems.insert(0, self._error_mapping(upstream).text(left_out))
        return _Lists(None if tools is None else tools.tools, count, retry_after), problems

    def _failure(self, session: Session, upstream: Upstream, error: Exception) -> GatewayError:
        """Map `error` to a GatewayError, with the delay that the server requested if it refused temporarily."""
        failure = self._error_mapping(upstream).of(error)
        if session.retry_after_seconds is not None and isinstance(failure, UpstreamError):
            failure.retry_after_seconds = whole_seconds(session.retry_after_seconds)
        return failure

    def _error_mapping(self, upstream: Upstream) -> ErrorMapping:
        return ErrorMapping(credential_secrets(upstream.credential), self._config.upstream_text_max)

    async def _ask(
        self,
        upstream: Upstream,
        timeout_seconds: float,
        operation: Callable[[Session], Awaitable[T]],
        purpose: str = "call",
    ) -> ServerResponse[T]:
        """Wait for a slot, connect, run `operation` and end the session, all within `timeout_seconds`.

        Raise GatewayError and nothing else.
        """
        deadline = anyio.current_time() + timeout_seconds
        pool = Pool(upstream.organization_id, upstream.mcp_id or upstream.endpoint_url, purpose)
        async with self._bulkheads.slot(pool, timeout_seconds):
            return await self._run_in_session(upstream, deadline, operation, purpose)

    async def _run_in_session(
        self, upstream: Upstream, deadline: float, operation: Callable[[Session], Awaitable[T]], purpose: str
    ) -> ServerResponse[T]:
        started = time.perf_counter()
        seconds = max(0.0, deadline - anyio.current_time())
        exchange = Exchange(self.egress, upstream, self._config)
        session = Session(exchange, self._config.client_version)
        answer: ServerResponse[T] | None = None
        failure: GatewayError | None = None
        with anyio.move_on_after(seconds):
            try:
                await session.open()
                value = await operation(session)
                answer = ServerResponse(value, _milliseconds_since(started), exchange.response_bytes)
            except Exception as error:  # noqa: BLE001 -- `_failure` maps each error, and raises a bug again
                failure = self._failure(session, upstream, error)
                no_session = isinstance(error, (HttpRefusal, UnreadableResponse)) and not session.protocol_version
                if purpose == _TEST and no_session and failure.retry_after_seconds is None:
                    failure = await self._why_no_session(upstream, failure)
        if not isinstance(failure, (UpstreamUnreachable, UpstreamConnectionLost)):
            self._close_in_background(session)
        if answer is None:
            error = failure or UpstreamTimeout(f"The limit was {seconds:g} s.", waited_seconds=seconds)
            error.latency_ms = _milliseconds_since(started)
            error.response_bytes = exchange.response_bytes
            # The cause is dropped: it contains the server's data, long and not redacted.
            raise error from None
        return answer

    def _close_in_background(self, session: Session) -> None:
        """End the session, if the server keeps one, in the background: the caller does not wait for that."""
        if not session.has_id or len(self._closings) >= _CLOSINGS_MAX:
            return
        closing = asyncio.create_task(_close(session))
        self._closings.add(closing)
        closing.add_done_callback(self._closings.discard)

    async def _why_no_session(self, upstream: Upstream, failure: GatewayError) -> GatewayError:
        """Return the failure, or an error that the server uses the old transport, which the gateway does not."""
        if await speaks_old_transport(Exchange(self.egress, upstream, self._config)):
            return UpstreamError(
                "This server speaks the HTTP+SSE transport of 2024-11-05. Put a bridge in front of it."
            )
        return failure


class _Lists(msgspec.Struct, frozen=True):
    tools: list[Tool] | None
    resources_count: int | None
    retry_after_seconds: int | None


class _Text(msgspec.Struct):
    text: str = ""


async def _close(session: Session) -> None:
    # The result has arrived, and a failure to end the session does not change it.
    with contextlib.suppress(Exception), anyio.move_on_after(_CLOSE_SECONDS):
        await session.close()


async def _tools(session: Session) -> Listed:
    return listed(await entries_of(session, "tools/list", "tools"))


async def _resources_count(session: Session) -> int:
    found = await entries_of(session, "resources/list", "resources")
    if found.end is not None:
        raise UnreadableResponse(f"The rest of the list was not requested, because {found.end}.")
    return len(found.entries)


def _unframed(result: bytes) -> bytes:
    """Return the result of a tool without `resultType`, which is part of the protocol's framing."""
    parts = members(result)
    _refuse_demand_for_input(parts)
    if bytes(parts.get("resultType", b"")) != _COMPLETE:
        return result
    del parts["resultType"]
    return msgspec.json.encode(parts)


def _refuse_demand_for_input(result: dict[str, Raw]) -> None:
    if bytes(result.get("resultType", b"")) == _INPUT_REQUIRED:
        raise UpstreamError("It asks for input from a person, which a call by key cannot give.")


def _with_cost_of(explained: GatewayError, failed: GatewayError) -> GatewayError:
    explained.latency_ms, explained.response_bytes = failed.latency_ms, failed.response_bytes
    return explained


def _text_of(result: bytes) -> str:
    """Return the texts in the contents of a result. Contents of other kinds are skipped."""
    try:
        contents = msgspec.json.decode(members(result).get("content", b"[]"), type=list[Raw])
    except msgspec.DecodeError:
        return ""
    texts: list[str] = []
    for content in contents:
        with contextlib.suppress(msgspec.DecodeError):
            texts.append(msgspec.json.decode(content, type=_Text).text)
    return " ".join(filter(None, texts))


def _milliseconds_since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
