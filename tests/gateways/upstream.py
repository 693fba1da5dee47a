"""A service behind the gateways. It answers with the request that reached it."""

import hashlib
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FIRST_EVENT = b"data: first\n\n"


class Upstream(ThreadingHTTPServer):
    """`seen`: the values of the header `X-Asked` of all requests, by which a test recognizes its own."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: set[str] = set()
        self.may_end = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing if a gateway ends its connection."""

    @property
    def port(self) -> int:
        return self.server_address[1]


@contextmanager
def running_upstream() -> Generator[Upstream]:
    """Serve on a free port of 127.0.0.1."""
    with Upstream() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.may_end.set()
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstream  # pyright: ignore[reportIncompatibleVariableOverride]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- as the base class names it
        """Write no log."""

    def _echo(self) -> None:
        body = self._body()
        self.server.seen.update(self.headers.get_all("X-Asked", []))
        if self.path == "/events":
            self._stream()
            return
        received: dict[str, Any] = {
            "method": self.command,
            "path": self.path,
            "headers": [[name.lower(), value] for name, value in self.headers.items()],
            "body": hashlib.sha256(body).hexdigest(),
        }
        content = json.dumps(received).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Upstream-Method", self.command)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_DELETE = do_OPTIONS = _echo  # noqa: N815

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        parts: list[bytes] = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _stream(self) -> None:
        """Send one event, and the end only when the test has received it."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(FIRST_EVENT)
        self.wfile.flush()
        self.server.may_end.wait(60)
        self.close_connection = True
