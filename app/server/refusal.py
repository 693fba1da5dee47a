"""The response to what is not a request, at its place among the responses of the connection."""

from typing import Protocol

from app.http.errors import Problem
from app.http.header_lines import CLOSE, encode_headers, request_id_from
from app.server.hot_routes import HotRoutes
from app.server.response_head import encode_lines, response_head

_CLOSING = encode_lines(encode_headers(CLOSE))
_MALFORMED = 400
_DETAIL = "The request is not valid HTTP/1.1, or its method is unknown. The connection closes."


class _Connection(Protocol):
    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class Refusal:
    """A refusal with `status`, after which the connection closes. It is recorded as a request without a route."""

    __slots__ = ("_connection", "_hot", "_status", "has_begun", "is_asked", "is_received", "keep_alive")

    is_ready = True
    wants_body = False

    def __init__(self, connection: _Connection, hot: HotRoutes, status: int) -> None:
        self._connection = connection
        self._hot = hot
        self._status = status
        self.has_begun = False
        self.is_asked = False
        self.is_received = False
        self.keep_alive = False

    def begin(self) -> None:
        self.has_begun = True
        self._hot.log.record("", "", None, self._status, 0.0)
        self._connection.write(self._response())
        self._connection.close()

    def _response(self) -> bytes:
        request_id = request_id_from({})
        if self._status != _MALFORMED:
            return response_head(self._status, request_id, "text/plain", 0, further=_CLOSING)
        problem = Problem("invalid_request", _DETAIL)
        reply = self._hot.problem_response(problem, "", None, request_id)
        head = response_head(reply.status, request_id, reply.content_type, len(reply.body), further=_CLOSING)
        return head + reply.body

    def receive(self, part: bytes) -> None: ...

    def complete(self) -> None: ...

    def ask(self) -> None:
        self.is_asked = True

    def time_out(self) -> None: ...

    def abandon(self, status: int = 0) -> None: ...
