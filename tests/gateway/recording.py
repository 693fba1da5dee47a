"""An MCP server that records every request and behaves correctly except for tool calls."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from tests.gateway.raw_server import Respond, answer, http, refusal

Write = Callable[[bytes, asyncio.StreamWriter], Awaitable[None] | None]

DISCOVERED: dict[str, Any] = {
    "supportedVersions": ["2026-07-28"],
    "capabilities": {"tools": {}},
    "resultType": "complete",
    "ttlMs": 0,
    "cacheScope": "private",
}
INITIALIZED: dict[str, Any] = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"tools": {}},
    "serverInfo": {"name": "old", "version": "1"},
}


class Recording:
    """A server of protocol 2026-07-28 if `modern`, and one with a handshake otherwise. `on_call` responds to
    `tools/call`.
    """

    def __init__(self, on_call: Write, *, modern: bool = True, tools: object = ()) -> None:
        self._on_call = on_call
        self._modern = modern
        self._tools = tools
        self.methods: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []

    @property
    def calls(self) -> int:
        return self.methods.count("tools/call")

    @property
    def respond(self) -> Respond:
        return self._respond

    async def _respond(self, method: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        name = json.loads(body).get("method", "reply") if method == "POST" else method
        self.methods.append(name)
        self.headers.append(headers)
        self.bodies.append(body)
        match name:
            case "server/discover":
                writer.write(http(200, answer(body, DISCOVERED)) if self._modern else http(400))
            case "initialize":
                writer.write(http(200, answer(body, INITIALIZED), Mcp_Session_Id="s1"))
            case "notifications/initialized":
                writer.write(http(202))
            case "tools/list":
                writer.write(http(200, answer(body, {"tools": self._tools})))
            case "tools/call":
                pending = self._on_call(body, writer)
                if pending is not None:
                    await pending
            case "DELETE":
                writer.write(http(200))
            case _:
                writer.write(http(405))


def responds_with(response: Callable[[bytes], bytes]) -> Write:
    """Respond with what `response` returns for the request."""

    def write(body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(response(body))

    return write


def responds_with_error(code: int, message: str, status: int = 200) -> Write:
    return responds_with(lambda body: http(status, refusal(body, code, message)))


def raw_result(text: bytes) -> Write:
    """Respond with a result of exactly these bytes."""
    return responds_with(
        lambda body: http(200, b'{"jsonrpc":"2.0","id":%d,"result":%s}' % (json.loads(body)["id"], text))
    )
