"""An HTTP server that gives a test control of every byte of its responses, for misbehaving upstreams."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable

Respond = Callable[[str, dict[str, str], bytes, asyncio.StreamWriter], Awaitable[None]]
"""Respond to a request, given its method, headers (lower case), body and connection."""


@contextlib.asynccontextmanager
async def raw_server(respond: Respond) -> AsyncGenerator[str]:
    """Serve on a free port of 127.0.0.1 and yield the endpoint's URL."""
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            while head := await _head(reader):
                method, headers = head
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                await respond(method, headers, body, writer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writers.discard(writer)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        server.close()
        for writer in list(writers):
            writer.transport.abort()
        await server.wait_closed()
        await asyncio.sleep(0.01)  # the handlers see their connections end


async def _head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]] | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *rest = head.strip().split("\r\n")
    pairs = (line.split(":", 1) for line in rest)
    return first.split(" ", 1)[0], {name.strip().lower(): value.strip() for name, value in pairs}


def http(status: int, body: bytes = b"", content_type: str = "application/json", **headers: str) -> bytes:
    """Return a whole HTTP response."""
    fields = {"Content-Type": content_type, "Content-Length": str(len(body))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Status\r\n{lines}\r\n".encode() + body


def answer(request: bytes, result: object) -> bytes:
    """Return a JSON-RPC result for a request."""
    return json.dumps({"jsonrpc": "2.0", "id": json.loads(request)["id"], "result": result}).encode()


def refusal(request: bytes, code: int, message: str) -> bytes:
    """Return a JSON-RPC error for a request."""
    error = {"code": code, "message": message}
    return json.dumps({"jsonrpc": "2.0", "id": json.loads(request)["id"], "error": error}).encode()
