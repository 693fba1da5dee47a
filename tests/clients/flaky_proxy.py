"""A TCP proxy that handles each request as configured, and forwards all others."""

import re
import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Literal, Self

Action = Literal["forward", "drop", "cut"] | bytes | tuple[Literal["instead"], bytes]
"""Forward the request; close without forwarding ("drop"); forward and close without a response ("cut"); or respond with
these bytes, in the last form after the request was forwarded and instead of its response."""


BUSY = '{"error":{"code":"rate_limited","message":"Slow down.","request_id":"req_1"}}'
DOWN = '{"error":{"code":"unavailable","message":"Not now.","request_id":"req_2"}}'
"""Bodies of the service's own refusals."""


def refusal(status: int, *headers: str, body: str = "") -> bytes:
    """Return an HTTP response that closes the connection."""
    head = [f"HTTP/1.1 {status} Refused", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


class FlakyProxy:
    """`actions` are applied to the requests in order; `requests` contains the head and body of each request."""

    def __init__(self, port: int) -> None:
        self._upstream = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.actions: list[Action] = []
        self.requests: list[bytes] = []
        self._thread = threading.Thread(target=self._accept)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def request_headers(self, name: str) -> list[str]:
        """Return the values of a header in all requests that have it."""
        lines = [line for request in self.requests for line in request.split(b"\r\n\r\n")[0].decode().split("\r\n")]
        return [line.partition(": ")[2] for line in lines if line.lower().startswith(f"{name.lower()}:")]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.settimeout(10)
                self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        request = _read_request(connection)
        self.requests.append(request)
        action = self.actions.pop(0) if self.actions else "forward"
        if isinstance(action, bytes):
            connection.sendall(action)
        elif isinstance(action, tuple):
            self._forwarded(request)
            connection.sendall(action[1])
        elif action != "drop":
            answer = self._forwarded(request)
            if action == "forward":
                connection.sendall(answer)

    def _forwarded(self, request: bytes) -> bytes:
        first, _, rest = request.partition(b"\r\n")
        rest = re.sub(rb"(?i)connection: keep-alive\r\n", b"", rest, count=1)
        with socket.create_connection(self._upstream, timeout=10) as upstream:
            upstream.sendall(first + b"\r\nConnection: close\r\n" + rest)
            answer = b""
            while part := upstream.recv(65536):
                answer += part
            return answer


def _read_request(connection: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request:
        part = connection.recv(65536)
        if not part:
            raise ConnectionError
        request += part
    head, _, body = request.partition(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
