"""A TCP proxy that does to each request what it is told to, and forwards all others."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Literal, Self

Deed = Literal["forward", "drop", "cut"] | bytes | tuple[Literal["instead"], bytes]
"""Forward; close without forwarding; forward and close without answering; or answer with these bytes, in the last form
after the request was forwarded and in the place of its answer."""


def refusal(status: int, *headers: str, body: str = "") -> bytes:
    """An HTTP answer that closes the connection."""
    head = [f"HTTP/1.1 {status} Refused", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


class Meddler:
    """`deeds` are done to the requests in their order; `seen` are the requests, head and body."""

    def __init__(self, port: int) -> None:
        self._upstream = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.deeds: list[Deed] = []
        self.seen: list[bytes] = []
        self._thread = threading.Thread(target=self._accept)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def headers_seen(self, name: str) -> list[str]:
        """The value of a header in every request that has it."""
        lines = [line for request in self.seen for line in request.split(b"\r\n\r\n")[0].decode().split("\r\n")]
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
        self.seen.append(request)
        deed = self.deeds.pop(0) if self.deeds else "forward"
        if isinstance(deed, bytes):
            connection.sendall(deed)
        elif isinstance(deed, tuple):
            self._forwarded(request)
            connection.sendall(deed[1])
        elif deed != "drop":
            answer = self._forwarded(request)
            if deed == "forward":
                connection.sendall(answer)

    def _forwarded(self, request: bytes) -> bytes:
        first, _, rest = request.partition(b"\r\n")
        rest = rest.replace(b"Connection: keep-alive\r\n", b"", 1)
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
