"""A minimal HTTP client over one persistent connection. It costs so little that measurements show the server."""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[bytes, bytes]
    content: bytes

    @property
    def data(self) -> Any:  # noqa: ANN401 -- each test knows the type that it expects
        """The `data` of a success."""
        assert 200 <= self.status < 300, self.content
        return json.loads(self.content)["data"]

    @property
    def code(self) -> str:
        """The error code of a failure."""
        code: str = json.loads(self.content)["error"]["code"]
        return code

    @property
    def revision(self) -> int:
        return int(self.headers[b"x-revision"])


class Wire:
    """A caller with a key. It raises OSError if no response arrives; the next request opens another connection."""

    def __init__(self, port: int, secret: str, seconds: float = 15.0) -> None:
        self._port = port
        self._seconds = seconds
        self._common = f"Host: 127.0.0.1\r\nAuthorization: Bearer {secret}\r\n"
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def post(self, path: str, body: object = None, **headers: str) -> Reply:
        return self.request("POST", path, body, **headers)

    def verify(self, secret: str, **body: object) -> Reply:
        return self.post("/v1/api-keys/verify", {"key": secret, **body})

    def request(self, method: str, path: str, body: object = None, **headers: str) -> Reply:
        """Send a request. The keyword argument `idempotency_key` is the header Idempotency-Key."""
        content = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1\r\n", self._common]
        lines += [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
        if body is not None:
            lines.append("Content-Type: application/json\r\n")
        lines.append(f"Content-Length: {len(content)}\r\n\r\n")
        try:
            connection = self._socket or self._connected()
            connection.sendall("".join(lines).encode() + content)
            return self._received(connection)
        except OSError:
            self.close()
            raise

    def _connected(self) -> socket.socket:
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=self._seconds)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _received(self, connection: socket.socket) -> Reply:
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._some(connection)
        head, _, content = received.partition(b"\r\n\r\n")
        status_line, *lines = head.split(b"\r\n")
        pairs = [line.split(b": ", 1) for line in lines]
        headers = {name.lower(): value for name, value in pairs}
        while len(content) < int(headers[b"content-length"]):
            content += self._some(connection)
        if headers.get(b"connection") == b"close":
            self.close()
        return Reply(int(status_line.split()[1]), headers, content)

    @staticmethod
    def _some(connection: socket.socket) -> bytes:
        received = connection.recv(65_536)
        if not received:
            raise ConnectionResetError("closed before the response was complete")
        return received
