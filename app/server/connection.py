"""One connection: parses requests, and answers them in their order.

The class is uvicorn's protocol with its callbacks replaced. What remains of uvicorn is the cycle that runs the ASGI
application (`asgi_exchange.py`). The parser is strict: what two servers could read differently is a 400, after which
the connection closes (RFC 9112 §11.2).

Only the oldest request of a connection is in progress. Bytes after it are parsed when it is answered, at most one slice
in advance, so that memory is bounded and the order of responses needs no bookkeeping.
"""

import urllib.parse
from asyncio import AbstractEventLoop, TimerHandle, Transport
from collections import deque
from contextvars import Context
from dataclasses import dataclass
from typing import Any, Literal

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from app.http.body import BODY_SECONDS
from app.server.asgi_exchange import AsgiExchange
from app.server.exchange import Exchange
from app.server.hot_routes import HotRoutes
from app.server.refusal import Refusal

HEAD_BYTES_MAX = 64 * 1024
"""Bytes of a request line with its headers, and of whatever else is neither headers nor body, such as trailers."""
HEADERS_MAX = 100
DISCARD_BYTES_MAX = 32 * 1024 * 1024
DISCARD_SECONDS = 10
WAITING_BYTES_MAX = 64 * 1024
"""Bytes that wait for the parser before the connection stops reading."""

_SLICE_BYTES = 16 * 1024
_HEAD_SLICE_BYTES = 4 * 1024
"""Bytes that are parsed at once; fewer outside of a body, because they may be a request each 20 bytes."""
_STEPS_MAX = 64
"""Steps in a row, before other connections get their turn."""
_VERSIONS = frozenset({"1.0", "1.1"})

_Entry = Exchange | AsgiExchange | Refusal
_Phase = Literal["idle", "headers", "body", "busy", "sending"]
"""What the connection waits for: a request, the rest of its headers, the rest of its body, its response, or that the
client reads its response."""


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Seconds for which a connection may be idle, and for which the headers of a request may take."""

    keep_alive_seconds: float
    header_seconds: float


class _Flow(FlowControl):
    """Tells the connection when the application reads the body, instead of resuming the transport."""

    def __init__(self, transport: Transport, connection: "Connection") -> None:
        super().__init__(transport)
        self._connection = connection

    def resume_reading(self) -> None:
        self._connection.body_read()


class Connection(HttpToolsProtocol):
    """The protocol of one connection. `hot`: the routes that it answers without ASGI."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        hot: HotRoutes,
        limits: TimeLimits,
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._hot = hot
        self._limits = limits
        # uvicorn's parser tolerates data after `Connection: close`. This one does not.
        self.parser: httptools.HttpRequestParser = httptools.HttpRequestParser(self)
        self._entries: deque[_Entry] = deque()
        self._receiving: _Entry | None = None
        self._waiting = b""
        self._in_head = False
        self._begun = 0
        self._head_bytes = 0
        self._unparsed_bytes = 0
        self._refused_status = 400
        self._is_upgrade = False
        self._saw_body = False
        self._framing_bytes = 0
        self._ends = False
        """No further request is parsed."""
        self._is_running = False
        self._is_scheduled = False
        self._is_closed = False
        self._has_unread = False
        self._discarded = 0
        self._is_paused = False
        self._phase: _Phase = "busy"
        self._deadline: float | None = None
        self._timer: TimerHandle | None = None
        self._timer_at = 0.0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow: FlowControl = _Flow(transport, self)
        self._settle()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- the client has gone in either case
        self.connections.discard(self)
        self._is_closed = True
        self._stop_timer()
        self._drop_entries()
        self.flow.resume_writing()
        self._waiting = b""
        # The parser refers to this object.
        del self.parser

    def data_received(self, data: bytes) -> None:
        if self._is_closed or self._ends:
            self._discard(len(data))
            return
        self._waiting = self._waiting + data if self._waiting else data
        self._run()

    def eof_received(self) -> None:
        """Let the transport close. A client that closes only its half gets no response that is not written yet."""

    def pause_writing(self) -> None:
        super().pause_writing()
        self._settle()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._run()

    def shutdown(self) -> None:
        """Close the connection after the response in progress."""
        if not self._entries:
            self.close()
        for entry in self._entries:
            entry.keep_alive = False

    # What exchanges call

    def write(self, data: bytes) -> None:
        if not self._is_closed:
            self.transport.write(data)

    def is_closing(self) -> bool:
        return self._is_closed or self.transport.is_closing()

    def abort(self) -> None:
        """Abort the connection, because a response cannot be written."""
        self._is_closed = True
        self.transport.abort()

    def answered(self, entry: _Entry) -> None:
        """Go on to the next request."""
        if self._is_closed or not self._entries or self._entries[0] is not entry:
            return
        self._entries.popleft()
        self._phase = "busy"  # the time of the next phase starts now, even if it is the same one again
        if not entry.keep_alive or not entry.is_received:
            self.close()
        elif self._entries or self._waiting:
            self.continue_soon()
        else:
            self._settle()

    def body_read(self) -> None:
        """Parse the rest of the body, if the application was slower than the client."""
        if self._waiting:
            self.continue_soon()

    def continue_soon(self) -> None:
        """Parse what waits, later and in an empty context: the caller may be the task of another request."""
        if not (self._is_running or self._is_scheduled or self._is_closed):
            self._is_scheduled = True
            self.loop.call_soon(self._continue, context=Context())

    def _continue(self) -> None:
        self._is_scheduled = False
        self._run()

    def close(self) -> None:
        """Close the connection. First read what the client still sends, within limits.

        If the connection were closed immediately, the client would see a broken connection instead of the response.
        """
        if self._is_closed:
            return
        is_clean = self._receiving is None and not self._in_head and not self._waiting and not self._has_unread
        is_clean = is_clean and not self._is_paused and not self._discarded
        self._is_closed = True
        self._waiting = b""
        self._drop_entries()
        self._stop_timer()
        self._timer = self.loop.call_later(DISCARD_SECONDS, self._end_closing, context=Context())
        if is_clean or self.transport.is_closing() or not self.transport.can_write_eof():
            self.transport.close()
            return
        self.transport.write_eof()
        if self._is_paused:
            self._is_paused = False
            self.transport.resume_reading()

    def _end_closing(self) -> None:
        """Abort the connection, unless a slow client is still reading the response: it gets more time."""
        self._timer = None
        if self.transport.get_write_buffer_size():
            self._timer = self.loop.call_later(self._limits.keep_alive_seconds, self.transport.abort)
        else:
            self.transport.abort()

    # Parsing

    def _run(self) -> None:
        """Parse and start requests until one of them waits for something."""
        if self._is_running or self._is_closed:
            return
        self._is_running = True
        steps = 0
        try:
            while not self._is_closed and steps < _STEPS_MAX and self._step():
                steps += 1
        finally:
            self._is_running = False
        if self._is_closed:
            return
        self._settle()
        if steps == _STEPS_MAX:
            self.continue_soon()

    def _step(self) -> bool:
        """Do the next thing. Return whether there may be another one."""
        if self._entries:
            oldest = self._entries[0]
            if not oldest.has_begun and not self.flow.write_paused:
                oldest.begin()
                return True
            if oldest.has_begun and oldest.is_ready and not oldest.is_asked:
                oldest.ask()
                return True
            if not oldest.has_begun or oldest.is_ready or not oldest.wants_body:
                return False
        if not self._waiting or self._ends:
            return False
        size = _HEAD_SLICE_BYTES if self._receiving is None else _SLICE_BYTES
        part, self._waiting = self._waiting[:size], self._waiting[size:]
        self._parse(part)
        return True

    def _parse(self, part: bytes) -> None:
        self._saw_body = False
        begun = self._begun
        try:
            self.parser.feed_data(part)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_upgrade(part[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._fail()
        else:
            if self._in_head:
                # The parser keeps the beginning of a line, and passes on whole ones only.
                self._unparsed_bytes += len(part) if self._begun == begun else 0
                if self._unparsed_bytes > HEAD_BYTES_MAX:
                    self._refused_status = 431
                    self._fail()
            elif self._receiving is not None and not self._saw_body:
                self._framing_bytes += len(part)
                if self._framing_bytes > HEAD_BYTES_MAX:
                    self._fail()
            else:
                self._framing_bytes = 0

    def _fail(self) -> None:
        """Refuse what follows the last complete request."""
        if self._ends:  # data after the last request of the connection
            return
        self._ends = True
        self._has_unread = True
        broken, self._receiving = self._receiving, None
        if broken is not None and self._entries and self._entries[-1] is broken:
            self._entries.pop()
            broken.abandon(self._refused_status)
        self._entries.append(Refusal(self, self._hot, self._refused_status))

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Parse a request that asks for another protocol as if it did not (RFC 9110 §7.8).

        The parser does not read the body of such a request, so the head is parsed again without the header.
        """
        self._is_upgrade = False
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._fail()
            return
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b\r\n" % (method, self.url, version)]
        lines += [b"%b: %b\r\n" % line for line in self.headers if line[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self._parse(b"".join([*lines, b"\r\n"]))
        self._framing_bytes = 0
        self._waiting = rest + self._waiting

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._in_head = True
        self._is_upgrade = False
        self._begun += 1
        self._head_bytes = 0
        self._unparsed_bytes = 0
        self._framing_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:  # a trailer, which is no header (RFC 9110 §6.5.1)
            return
        name, value = name.lower(), value.rstrip(b" \t")  # RFC 9112 §5.1
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self._head_bytes += len(name) + len(value)
        if len(self.headers) >= HEADERS_MAX or self._head_bytes > HEAD_BYTES_MAX:
            self._refuse(431)
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._head_bytes + len(self.url) > HEAD_BYTES_MAX:
            self._refuse(431)
        version = self.parser.get_http_version()
        if version not in _VERSIONS:
            self._refuse(505)
        self._is_upgrade = self.parser.should_upgrade()
        if self._is_upgrade:
            return
        is_old = version == "1.0"
        for name, value in self.headers:
            # Only the framing `chunked` is supported, and HTTP/1.0 has none (RFC 9112 §6.1).
            if name == b"transfer-encoding" and (is_old or value.lower() != b"chunked"):
                self._refuse(400)
        entry = self._new_entry(version, keep_alive=not is_old and self.parser.should_keep_alive())
        self._in_head = False
        self._receiving = entry
        self._entries.append(entry)

    def _refuse(self, status: int) -> None:
        self._refused_status = status
        raise httptools.HttpParserError

    def _new_entry(self, version: str, *, keep_alive: bool) -> Exchange | AsgiExchange:
        method = self.parser.get_method()
        expects_continue = self.expect_100_continue and version == "1.1"
        path, _, query = self.url.partition(b"?")
        route = self._hot.find(method, path)
        if route is not None and b"#" not in query:
            return Exchange(
                self,
                self._hot,
                route,
                is_head=method == b"HEAD",
                query=query,
                lines=self.headers,
                http_version=version,
                peer=None if self.client is None else self.client[0],
                keep_alive=keep_alive,
                expects_continue=expects_continue,
            )
        target = httptools.parse_url(self.url)
        raw_path = target.path or b"/"
        path_text = raw_path.decode("ascii")
        scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": self.root_path,
            "headers": self.headers,
            "state": self.app_state.copy(),
            "method": method.decode("ascii"),
            "path": urllib.parse.unquote(path_text) if "%" in path_text else path_text,
            "raw_path": raw_path,
            "query_string": target.query or b"",
        }
        return AsgiExchange(self, scope, keep_alive=keep_alive, expects_continue=expects_continue)

    def on_body(self, body: bytes) -> None:
        self._saw_body = True
        if self._receiving is not None:
            self._receiving.receive(body)

    def on_chunk_complete(self) -> None:
        self._saw_body = True

    def on_message_complete(self) -> None:
        if self._is_upgrade:
            return
        received, self._receiving = self._receiving, None
        if received is not None:
            received.complete()
            self._ends = not received.keep_alive

    # Waiting

    def _settle(self) -> None:
        """Read as long as there is room for more, and limit the time for what the connection waits for."""
        if self._is_closed:
            return
        pauses = len(self._waiting) >= WAITING_BYTES_MAX or self.flow.write_paused
        if pauses != self._is_paused:
            self._is_paused = pauses
            if pauses:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()
        if self.flow.write_paused:
            phase: _Phase = "sending"
        elif self._entries:
            oldest = self._entries[0]
            phase = "body" if self._receiving is oldest and oldest.has_begun else "busy"
        else:
            phase = "headers" if self._in_head else "idle"
        if phase != self._phase:
            self._phase = phase
            self._limit(phase)

    def _limit(self, phase: _Phase) -> None:
        seconds = {
            "idle": self._limits.keep_alive_seconds,
            "headers": self._limits.header_seconds,
            "body": BODY_SECONDS,
            "sending": self._limits.keep_alive_seconds,
        }.get(phase)
        if seconds is None:
            self._deadline = None
            return
        self._deadline = self.loop.time() + seconds
        # A timer that is due earlier is kept and extended then, which saves two timers a request.
        if self._timer is None or self._timer_at > self._deadline:
            self._start_timer(self._deadline)

    def _start_timer(self, at: float) -> None:
        self._stop_timer()
        self._timer_at = at
        # The context is empty: this may be the task of a request, whose variables must not appear in later log lines.
        self._timer = self.loop.call_at(at, self._check_time, context=Context())

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check_time(self) -> None:
        self._timer = None
        if self._deadline is None or self._is_closed:
            return
        if self.loop.time() < self._deadline:
            self._start_timer(self._deadline)
        elif self._phase == "sending":
            self.abort()
        elif self._phase == "idle":
            self.close()
        elif self._phase == "headers":
            self._refused_status = 408
            self._fail()
            self._run()
        else:
            self._entries[0].time_out()
            self._deadline = None
            self._run()

    def _drop_entries(self) -> None:
        entries, self._entries = self._entries, deque()
        for entry in entries:
            entry.abandon()
        self._receiving = None

    def _discard(self, size: int) -> None:
        self._discarded += size
        if self._discarded > DISCARD_BYTES_MAX:
            self.transport.abort()
