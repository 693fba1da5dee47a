"""One request of a hot route: from the parsed lines to the queue of presented keys, and from its result to the bytes.

No task, future or framework is involved. The exchange is the receiver of the result: group commit calls it.
"""

from collections.abc import Mapping
from time import perf_counter
from typing import Protocol

import structlog

from app.http.access_log import GONE
from app.http.body import BODY_BYTES_MAX, is_declared_too_large, refuse_encoded, too_large, too_slow
from app.http.client_address import client_address
from app.http.errors import Problem, to_problem
from app.http.header_lines import CLOSE, encode_headers, merge_headers, missing_common, request_id_from
from app.http.messages import RawRequest, RawResponse
from app.observability.tracing.tracing import trace_id_of
from app.server.hot_routes import HotRoutes
from app.server.response_head import COMMON_LINES, encode_lines, response_head
from app.verification.authenticate import KeyQuestion, caller_fields
from app.verification.hot_route import HotRoute
from app.verification.requests import VerificationResult
from infrastructure.log_format import LAZY_FIELDS

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_FAILED = 500

_log = structlog.get_logger(__name__)


class Answering(Protocol):
    """The connection of an exchange."""

    def write(self, data: bytes) -> None: ...

    def answered(self, entry: "Exchange", /) -> None:
        """Called once, after the response was written."""
        ...

    def abort(self) -> None:
        """Called if the response cannot be written."""
        ...


class Exchange:
    """A request in the order of its connection. Its connection calls the methods in the order in which they stand."""

    __slots__ = (
        "_body",
        "_caller",
        "_connection",
        "_expects_continue",
        "_has_ended",
        "_has_outcome",
        "_hot",
        "_http_version",
        "_inbound",
        "_is_gone",
        "_is_head",
        "_lines",
        "_peer",
        "_query",
        "_question",
        "_refused",
        "_request_id",
        "_route",
        "_started",
        "has_begun",
        "headers",
        "is_asked",
        "is_received",
        "keep_alive",
        "method",
        "path",
        "seconds",
        "status",
    )

    def __init__(
        self,
        connection: Answering,
        hot: HotRoutes,
        route: HotRoute,
        *,
        is_head: bool,
        query: bytes,
        lines: list[tuple[bytes, bytes]],
        http_version: str,
        peer: str | None,
        keep_alive: bool,
        expects_continue: bool,
    ) -> None:
        self._connection = connection
        self._hot = hot
        self._route = route
        self._is_head = is_head
        self._query = query
        self._lines = lines
        self._http_version = http_version
        self._peer = peer
        self._expects_continue = expects_continue
        self._refused: Problem | None = None
        self._inbound: RawRequest | None = None
        self._question: KeyQuestion | None = None
        self._caller: Mapping[str, str] = {}
        self._has_ended = False
        self._has_outcome = False
        self._is_gone = False
        self._request_id = ""
        self._started = perf_counter()
        self.method = route.method
        self.path = route.path
        self.status = GONE
        self.seconds = 0.0
        self.headers: Mapping[bytes, bytes] = merge_headers(lines)
        self._body = bytearray()
        self.keep_alive = keep_alive
        self.has_begun = False
        self.is_asked = False
        self.is_received = False
        if is_declared_too_large(self.headers):
            self._refused = too_large()

    def begin(self) -> None:
        """Start the exchange, when every earlier request of the connection is answered."""
        self.has_begun = True
        self._request_id = request_id_from(self.headers)
        self._hot.draining.active += 1
        if self._expects_continue and not self.is_received and self._refused is None:
            self._connection.write(_CONTINUE)

    def receive(self, part: bytes) -> None:
        """Add a part of the body."""
        if self._refused is not None:
            return
        if len(self._body) + len(part) > BODY_BYTES_MAX:
            self._refuse(too_large())
        else:
            self._body += part

    def time_out(self) -> None:
        """Refuse a body that has not arrived in time."""
        self._refuse(too_slow())

    def _refuse(self, problem: Problem) -> None:
        self._refused = problem
        self._body = bytearray()

    def complete(self) -> None:
        """Note that the request is complete."""
        self.is_received = True

    @property
    def is_ready(self) -> bool:
        """Return whether the request can be decided, because it is complete or refused."""
        return self.is_received or self._refused is not None

    @property
    def wants_body(self) -> bool:
        return not self.is_ready

    def ask(self) -> None:
        """Put the question to the queue, or answer with an error."""
        self.is_asked = True
        fields = LAZY_FIELDS.set(self.log_fields)
        try:
            self._ask()
        except Exception as error:  # noqa: BLE001 -- every exception becomes an error response
            self._respond_with(error)
        finally:
            LAZY_FIELDS.reset(fields)

    def _ask(self) -> None:
        hot, headers, content = self._hot, self.headers, bytes(self._body)
        self._body.clear()
        self._inbound = RawRequest(
            method=self.method,
            path=self.path,
            query=self._query,
            headers=headers,
            content=content,
            request_id=self._request_id,
            ip=client_address(self._peer, self._lines, hot.trusted_proxies),
            refused=self._refused or refuse_encoded(content, headers),
        )
        hot.host.check(headers.get(b"host", b""), self._http_version)
        question = self._route.ask(self._inbound)
        self._question = question
        hot.verification.queue.enqueue(question.request, self)

    def done(self) -> bool:
        return self._has_outcome

    def set_result(self, result: VerificationResult, /) -> None:
        self._has_outcome = True
        self._caller = caller_fields(result)
        question, self._question = self._question, None
        fields = LAZY_FIELDS.set(self.log_fields)
        try:
            if question is not None:
                # If the client has gone, its result still counts against limits.
                self._respond(self._route.answer(question, result))
        except Exception as error:  # noqa: BLE001 -- see above
            self._respond_with(error)
        finally:
            LAZY_FIELDS.reset(fields)

    def set_exception(self, exception: Exception, /) -> None:
        self._has_outcome = True
        self._question = None
        fields = LAZY_FIELDS.set(self.log_fields)
        try:
            self._respond_with(exception)
        finally:
            LAZY_FIELDS.reset(fields)

    def abandon(self, status: int = GONE) -> None:
        """End the exchange without its response, because the client has gone or the rest of its request is invalid."""
        if self.has_begun and not self._has_ended:
            self._is_gone = True
            self._end(status)

    def log_fields(self) -> dict[str, str]:
        """Return what every log line of this request contains."""
        fields = {"request_id": self._request_id}
        trace_id = trace_id_of(self.headers.get(b"traceparent"))
        if trace_id is not None:
            fields["trace_id"] = trace_id
        fields.update(self._caller)
        return fields

    def _respond_with(self, error: Exception) -> None:
        """Respond with an error. No error leaves this method: it would fail the other requests of a batch."""
        if self._is_gone:
            to_problem(error)  # logs an unexpected error
            return
        if self._has_ended:
            _log.error("response_failed", exc_info=error)
            self._connection.abort()
            return
        try:
            accept = self.headers.get(b"accept")
            problem = to_problem(error)
            accepted = None if accept is None else accept.decode("latin-1")
            self._respond(self._hot.problem_response(problem, self.path, accepted, self._request_id))
        except Exception as defect:  # noqa: BLE001 -- see above
            _log.error("response_failed", exc_info=defect)
            self.abandon(_FAILED)
            self._connection.abort()

    def _respond(self, reply: RawResponse) -> None:
        if self._has_ended:
            return
        further: Mapping[str, str] = {} if self._inbound is None else self._inbound.reply_headers
        if not self.is_received:
            # The rest of the body is discarded, so the client must not send another request on this connection.
            self.keep_alive = False
        if self._hot.draining.began:
            self.keep_alive = False
        if not self.keep_alive:
            further = {**further, **CLOSE}
        common, added = COMMON_LINES, b""
        if reply.headers:
            common = encode_lines(missing_common([name.encode() for name in reply.headers]))
            added = encode_lines(encode_headers(reply.headers))
        if further:
            added += encode_lines(encode_headers(further))
        head = response_head(
            reply.status, self._request_id, reply.content_type, len(reply.body), common=common, further=added
        )
        self._end(reply.status)
        self._connection.write(head if self._is_head else head + reply.body)
        self._connection.answered(self)

    def _end(self, status: int) -> None:
        """Record the request, once, and release what only the response needed."""
        self._has_ended = True
        self.status = status
        self.seconds = perf_counter() - self._started
        self._hot.draining.active -= 1
        self._body.clear()
        fields = LAZY_FIELDS.set(self.log_fields)
        try:
            self._hot.traces.completed(self)
            self._hot.log.record(self.method, self.path, None, status, self.seconds)
        except Exception as error:  # noqa: BLE001 -- the client gets its response without the record of it
            _log.error("request_not_recorded", exc_info=error)
        finally:
            LAZY_FIELDS.reset(fields)
