"""The example server as of before protocol 2026-07-28: with sessions, and without `server/discover`."""

import argparse
import socket

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from examples.mcp_server.server import build


class WithoutDiscovery:
    """ASGI middleware that responds to requests of the newer protocol like an older server."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (b"mcp-protocol-version", b"2026-07-28") in scope["headers"]:
            await send({"type": "http.response.start", "status": 400, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._app(scope, receive, send)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", parser.parse_args().port))
    listener.listen()
    print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}/mcp", flush=True)  # noqa: T201
    config = uvicorn.Config(
        WithoutDiscovery(build().streamable_http_app()), log_level="warning", timeout_graceful_shutdown=1
    )
    uvicorn.Server(config).run(sockets=[listener])
