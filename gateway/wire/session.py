"""A session with one MCP server over Streamable HTTP, for the length of one call.

Protocol 2026-07-28 needs no handshake: one `server/discover` shows whether the server supports it. Older servers get an
`initialize`, and their session is ended after the call. The gateway opens no separate stream for messages of the server
(GET), so a call needs one connection at a time.

A request is sent once. After a broken connection, only the rest of the response is requested again.
"""

import re
from collections.abc import Mapping
from typing import Any, cast

import anyio
import msgspec

from gateway.call_transport import Exchange, Reply
from gateway.errors import UpstreamConnectionLost, UpstreamError, UpstreamUnreachable
from gateway.wire.error_mapping import CONNECTION_BROKE, NO_CONNECTION, HttpRefusal, UnreadableResponse
from gateway.wire.events import events
from gateway.wire.messages import (
    UNSUPPORTED_VERSION,
    Malformed,
    Response,
    RpcError,
    ServerRequest,
    decoded,
    members,
    notification,
    reply,
    request,
)
from gateway.wire.parameter_headers import header_text

MODERN = "2026-07-28"
HANDSHAKE_VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")

_SESSION_ID = re.compile(r"[\x21-\x7e]+")
_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
_DISCOVER_SECONDS = 2.0
"""An older server may not respond to an unknown method."""
_RESUMPTIONS_MAX = 2
_RESUME_SECONDS, _RESUME_SECONDS_MAX = 1.0, 5.0
_ACCEPTED = frozenset({202, 204})
_HTTP_ERRORS = 400
_REFUSED_WHATEVER_IS_ASKED = frozenset({401, 429})
_OK = 200


class Session:
    """A session: call `open` first, then `request`, then `close`. Exceptions of the connection pass through."""

    def __init__(self, exchange: Exchange, client_version: str) -> None:
        self._exchange = exchange
        self._client = {"name": "keyledger", "version": client_version}
        self._modern = False
        self._session_id: str | None = None
        self._last_id = 0
        self.protocol_version = ""
        self.capabilities: dict[str, Any] = {}
        self.retry_after_seconds: float | None = None
        """The delay that the server requested when it refused the latest request, if it did."""

    @property
    def modern(self) -> bool:
        """Return whether the server uses the protocol without sessions."""
        return self._modern

    @property
    def has_id(self) -> bool:
        """Return whether the server keeps a session, which `close` ends."""
        return self._session_id is not None

    async def open(self) -> None:
        """Detect the protocol of the server, and start a session if the protocol has sessions."""
        answered = True
        try:
            with anyio.fail_after(_DISCOVER_SECONDS):
                if await self._discover():
                    return
        except NO_CONNECTION:
            raise
        except (TimeoutError, *CONNECTION_BROKE):
            if self.retry_after_seconds is not None:
                # The status is a response, although its body did not arrive.
                raise UpstreamError("It refuses requests for now.") from None
            # The server may have closed an idle connection before anything was sent over it.
            answered = False
        try:
            await self._initialize()
        except (RpcError, HttpRefusal, UnreadableResponse):
            # A server that was slow to start, or closed the connection, may have missed the first request.
            if answered or self.retry_after_seconds is not None or not await self._discover():
                raise

    async def request(
        self, method: str, params: Mapping[str, Any], *, name: str | None = None, headers: Mapping[str, str] = {}
    ) -> bytes:
        """Send a request and return its result, a JSON object, as it was sent. Raise `RpcError`."""
        return await self._ask(method, dict(params), self._headers(method, name) | dict(headers))

    async def close(self) -> None:
        """End the session, if the server keeps one."""
        if self._session_id is None:
            return
        async with self._exchange.send("DELETE", self._headers(None, None)) as answered:
            await answered.body()

    async def _discover(self) -> bool:
        """Return whether the server supports protocol 2026-07-28."""
        self._become(MODERN, {})
        try:
            found = members(await self.request("server/discover", {}))
            versions = _decoded(found.get("supportedVersions"))
            capabilities = _decoded(found.get("capabilities"))
        except RpcError as error:
            if error.code == UNSUPPORTED_VERSION and (offered := _modern_only(error)):
                raise UpstreamError(
                    f"It speaks only protocol {', '.join(offered)}, which this gateway does not."
                ) from None
            if self.retry_after_seconds is not None:
                raise
        except HttpRefusal as refusal:
            # These statuses are independent of the protocol, and a client that must wait does not try another request.
            if refusal.status in _REFUSED_WHATEVER_IS_ASKED or self.retry_after_seconds is not None:
                raise
        except UnreadableResponse:
            pass
        else:
            if isinstance(versions, list) and MODERN in versions:
                self._become(MODERN, capabilities)
                return True
        self._become("", {})
        return False

    async def _initialize(self) -> None:
        self._become("", {})
        params = {"protocolVersion": HANDSHAKE_VERSIONS[0], "capabilities": {}, "clientInfo": self._client}
        found = members(await self.request("initialize", params))
        version = _decoded(found.get("protocolVersion"))
        if version not in HANDSHAKE_VERSIONS:
            raise UpstreamError("It speaks a version of the protocol that this gateway does not.")
        self._become(str(version), _decoded(found.get("capabilities")))
        headers = self._headers(None, None)
        async with self._exchange.send("POST", headers, notification("notifications/initialized")) as answered:
            await answered.body()

    def _become(self, version: str, capabilities: object) -> None:
        self._modern = version == MODERN
        self.protocol_version = version
        self.capabilities = cast("dict[str, Any]", capabilities) if isinstance(capabilities, dict) else {}

    def _headers(self, method: str | None, name: str | None) -> dict[str, str]:
        headers = dict(_ACCEPT)
        if self.protocol_version:
            headers["MCP-Protocol-Version"] = self.protocol_version
        if self._session_id is not None:
            headers["Mcp-Session-Id"] = self._session_id
        if self._modern and method is not None:
            headers["Mcp-Method"] = method
            if name is not None:
                headers["Mcp-Name"] = header_text(name)
        return headers

    async def _ask(self, method: str, params: dict[str, Any], headers: dict[str, str]) -> bytes:
        if self._modern:
            params["_meta"] = {
                "io.modelcontextprotocol/protocolVersion": MODERN,
                "io.modelcontextprotocol/clientInfo": self._client,
                "io.modelcontextprotocol/clientCapabilities": {},
            }
        self._last_id += 1
        self.retry_after_seconds = None
        body = request(self._last_id, method, msgspec.json.encode(params))
        async with self._exchange.send("POST", headers, body) as answered:
            if method == "initialize" and answered.status < _HTTP_ERRORS:
                self._session_id = _session_id(answered)
            self.retry_after_seconds = answered.retry_after_seconds
            answer, last_event = await self._answer_in(answered)
        if answer is None:
            try:
                answer = await self._resumed(last_event)
            except (*NO_CONNECTION, UpstreamUnreachable):
                # The request itself was sent, so the error must not claim that it was not.
                raise UpstreamConnectionLost from None
        if answer.error is not None:
            raise answer.error
        return answer.result or b""

    async def _answer_in(self, answered: Reply) -> tuple[Response | None, "_Position"]:
        """Return the response, or the position at which its stream ended without one."""
        if answered.media_type == "text/event-stream":
            position = _Position()
            answer = await self._answer_in_stream(answered, position)
            if answered.status < _HTTP_ERRORS or (answer is not None and answer.error is not None):
                return answer, position
            raise HttpRefusal(answered.status, b"", answered.media_type)
        if answered.status in _ACCEPTED:
            raise UnreadableResponse(f"It took the request without answering it (HTTP {answered.status}).")
        if answered.media_type != "application/json":
            raise await _not_json(answered)
        body = await answered.body()
        try:
            own = self._own(decoded(body))
        except Malformed:
            own = None
        if own is not None and (own.error is not None or answered.status < _HTTP_ERRORS):
            return own, _Position()
        if answered.status >= _HTTP_ERRORS:
            raise HttpRefusal(answered.status, body)
        raise UnreadableResponse("Its answer is not a JSON-RPC message.")

    async def _answer_in_stream(self, answered: Reply, position: "_Position") -> Response | None:
        try:
            async for event in events(answered.chunks()):
                position.take(event.id, event.retry_ms)
                if event.kind != "message" or not event.data:
                    continue
                try:
                    messages = decoded(event.data)
                except Malformed:
                    raise UnreadableResponse("Its answer is not a JSON-RPC message.") from None
                if (own := self._own(messages)) is not None:
                    return own
                await self._reply_to(messages)
        except CONNECTION_BROKE:
            if not self._can_resume(position):
                raise
        return None

    async def _resumed(self, position: "_Position") -> Response:
        """Request the rest of a response whose stream ended early, if the server supports that."""
        for _ in range(_RESUMPTIONS_MAX):
            if not self._can_resume(position):
                break
            await anyio.sleep(position.wait_seconds)
            headers = {**self._headers(None, None), "Accept": "text/event-stream", "Last-Event-ID": position.event_id}
            del headers["Content-Type"]
            async with self._exchange.send("GET", headers) as answered:
                if answered.status != _OK or answered.media_type != "text/event-stream":
                    break
                answer = await self._answer_in_stream(answered, position)
            if answer is not None:
                return answer
        raise UpstreamConnectionLost

    def _can_resume(self, position: "_Position") -> bool:
        return not self._modern and position.event_id != ""

    def _own(self, messages: list[Response | ServerRequest]) -> Response | None:
        """Return the response to the latest request. An error may lack its id, and an id may be text."""
        for message in messages:
            if isinstance(message, Response) and (
                str(message.id) == str(self._last_id) or (message.id is None and message.error is not None)
            ):
                return message
        return None

    async def _reply_to(self, messages: list[Response | ServerRequest]) -> None:
        """Reply to requests that an older server sends meanwhile, so that the server does not wait for a reply."""
        if self._modern:
            return
        for message in messages:
            if isinstance(message, ServerRequest):
                try:
                    async with self._exchange.send("POST", self._headers(None, None), reply(message)) as answered:
                        await answered.body()
                except (*NO_CONNECTION, UpstreamUnreachable):
                    raise UpstreamConnectionLost from None


class _Position:
    """The position in a stream from which a server can resume it."""

    def __init__(self) -> None:
        self.event_id = ""
        self.wait_seconds = _RESUME_SECONDS

    def take(self, event_id: str, retry_ms: int | None) -> None:
        # An id that a header cannot contain could not be sent back.
        if _HEADER_VALUE.fullmatch(event_id):
            self.event_id = event_id
        if retry_ms is not None:
            self.wait_seconds = min(retry_ms / 1000, _RESUME_SECONDS_MAX)


def _session_id(answered: Reply) -> str | None:
    given = answered.headers.get("mcp-session-id")
    if given is not None and not _SESSION_ID.fullmatch(given):
        raise UnreadableResponse("Its Mcp-Session-Id has characters other than visible ASCII.")
    return given


async def _not_json(answered: Reply) -> HttpRefusal | UnreadableResponse:
    if answered.status >= _HTTP_ERRORS:
        return HttpRefusal(answered.status, await answered.body(), answered.media_type)
    if answered.media_type in {"text/html", "application/xhtml+xml"}:
        return UnreadableResponse("It answered with an HTML page. Its MCP endpoint is probably at another path.")
    return UnreadableResponse(f"It answered with {answered.media_type or 'data of no type'}, which is not MCP.")


def _decoded(raw: msgspec.Raw | None) -> object:
    return None if raw is None else msgspec.json.decode(raw)


def _modern_only(error: RpcError) -> list[str]:
    """Return the versions that the server names if this gateway supports none of them."""
    data = error.data
    offered = cast("dict[str, Any]", data).get("supported") if isinstance(data, dict) else None
    if not isinstance(offered, list):
        return []
    versions = [str(version)[:20] for version in cast("list[Any]", offered)[:10]]
    return [] if {MODERN, *HANDSHAKE_VERSIONS} & set(versions) else versions
