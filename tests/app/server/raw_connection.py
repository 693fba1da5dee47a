"""A connection on which tests send and read exact bytes."""

import http.client
import io
import json
import socket
from collections.abc import Generator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

from tests.app.organizations import Api

CHECK = "/v1/auth/check"
VERIFY = "/v1/api-keys/verify"


class Response(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 -- whatever the server sent
        return json.loads(self.body)


class _Socket:
    """A substitute for a socket in `http.client`, on a stream that remains open after a response."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream

    def makefile(self, _mode: str) -> "_Unclosed":
        return _Unclosed(self._stream)


class _Unclosed(io.RawIOBase):
    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        return self._stream.read(size)

    def readline(self, size: int | None = -1) -> bytes:
        return self._stream.readline(-1 if size is None else size)

    def close(self) -> None: ...


class RawConnection:
    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._stream: io.BufferedReader = connection.makefile("rb")

    def send(self, *parts: bytes) -> None:
        for part in parts:
            self.socket.sendall(part)

    def response(self, method: str = "GET") -> Response:
        """Read one response."""
        given: Any = _Socket(self._stream)
        read = http.client.HTTPResponse(given, method=method)
        read.begin()
        body = read.read()
        return Response(read.status, {name.lower(): value for name, value in read.getheaders()}, body)

    def close(self) -> None:
        """Close the stream, which would keep the socket open."""
        self._stream.close()

    def is_closed(self, seconds: float = 30.0) -> bool:
        """Return whether the server sends nothing more and closes the connection."""
        self.socket.settimeout(seconds)
        try:
            return self._stream.read(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False


@contextmanager
def connected(api: Api, *, receive_bytes: int | None = None) -> Generator[RawConnection]:
    """Connect to `api`. `receive_bytes`: the size of the client's receive buffer."""
    with closing(socket.socket()) as connection:
        if receive_bytes is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connection.settimeout(60)
        connection.connect(("127.0.0.1", api.server.port))
        raw = RawConnection(connection)
        try:
            yield raw
        finally:
            raw.close()


def verification(secret: str, key: str, *lines: str, request_id: str = "r") -> bytes:
    """Return a request that verifies `key`."""
    return request("POST", VERIFY, *_as(secret), *lines, request_id=request_id, body=json.dumps({"key": key}).encode())


def check(path: str, secret: str, *lines: str, request_id: str = "r", method: str = "GET") -> bytes:
    return request(method, path, *_as(secret), *lines, request_id=request_id)


def request(method: str, path: str, *lines: str, request_id: str = "r", body: bytes | None = None) -> bytes:
    """Return a request with a Host, these header lines and, if `body` is given, its length."""
    head = [f"{method} {path} HTTP/1.1", "Host: a", f"X-Request-Id: {request_id}", *lines]
    if body is not None:
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + (body or b"")


def _as(secret: str) -> list[str]:
    return [f"Authorization: Bearer {secret}"]
