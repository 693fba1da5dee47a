"""The response to what is not a request, at its place among the responses of the connection."""

from typing import Protocol

from app.http.access_log import RequestLog
from app.server.status_lines import bare_response


class _Connection(Protocol):
    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class Refusal:
    """A refusal with `status`, after which the connection closes. `log` records it as a request without a route."""

    __slots__ = ("_connection", "_log", "_status", "has_begun", "is_asked", "is_received", "keep_alive")

    is_ready = True
    wants_body = False

    def __init__(self, connection: _Connection, log: RequestLog, status: int) -> None:
        self._connection = connection
        self._log = log
        self._status = status
        self.has_begun = False
        self.is_asked = False
        self.is_received = False
        self.keep_alive = False

    def begin(self) -> None:
        self.has_begun = True
        self._log.record("", "", None, self._status, 0.0)
        self._connection.write(bare_response(self._status))
        self._connection.close()

    def receive(self, part: bytes) -> None: ...

    def complete(self) -> None: ...

    def ask(self) -> None:
        self.is_asked = True

    def time_out(self) -> None: ...

    def abandon(self, status: int = 0) -> None: ...
