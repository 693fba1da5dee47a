"""One request of any other route: uvicorn runs the ASGI application for it."""

import asyncio
import logging
from collections.abc import Callable
from contextvars import Context
from typing import Any, Protocol

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from app.server.response_head import current_date

_LOGGER = logging.getLogger("uvicorn.error")
_ACCESS_LOGGER = logging.getLogger("uvicorn.access")


class AsgiConnection(Protocol):
    """The connection of an exchange, which also stands for its transport."""

    app: Any
    flow: FlowControl
    loop: asyncio.AbstractEventLoop
    server_state: ServerState

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...

    def is_closing(self) -> bool: ...

    def answered(self, entry: "AsgiExchange", /) -> None: ...


class AsgiExchange:
    """A request in the order of its connection. It begins when its headers are complete, and reads the body itself."""

    __slots__ = ("_connection", "_cycle", "_scope", "has_begun", "is_asked", "is_received")

    def __init__(
        self, connection: AsgiConnection, scope: dict[str, Any], *, keep_alive: bool, expects_continue: bool
    ) -> None:
        self._connection = connection
        self.has_begun = False
        self.is_asked = False
        self.is_received = False
        self._scope = scope
        # The application handles HEAD like GET and says so in its scope. The cycle must omit the body nevertheless.
        given: Any = dict(scope)
        transport: Any = connection
        on_response: Callable[[], None] = self._answered
        self._cycle = RequestResponseCycle(
            scope=given,
            transport=transport,
            flow=connection.flow,
            logger=_LOGGER,
            access_logger=_ACCESS_LOGGER,
            access_log=False,
            default_headers=[],
            message_event=asyncio.Event(),
            expect_100_continue=expects_continue,
            keep_alive=keep_alive,
            on_response=on_response,
        )

    @property
    def keep_alive(self) -> bool:
        return self._cycle.keep_alive

    @keep_alive.setter
    def keep_alive(self, value: bool) -> None:
        self._cycle.keep_alive = value

    def begin(self) -> None:
        self.has_begun = True
        connection, tasks = self._connection, self._connection.server_state.tasks
        # The context is empty: this may run in the context of an earlier request or of group commit, whose variables
        # must not appear in the log lines of this request.
        task = connection.loop.create_task(self._cycle.run_asgi(self._run), context=Context())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def receive(self, part: bytes) -> None:
        self._cycle.body += part
        self._cycle.message_event.set()

    def complete(self) -> None:
        """Note that the request is complete."""
        self.is_received = True
        self._cycle.more_body = False
        self._cycle.message_event.set()

    def time_out(self) -> None:
        """Do nothing: the application limits the time itself."""

    @property
    def is_ready(self) -> bool:
        return self.is_received

    @property
    def wants_body(self) -> bool:
        """Return whether the application keeps up with the body."""
        return len(self._cycle.body) <= HIGH_WATER_LIMIT

    def ask(self) -> None:
        self.is_asked = True

    def abandon(self, status: int = 0) -> None:  # noqa: ARG002 -- the application records the request itself
        if not self._cycle.response_complete:
            self._cycle.disconnected = True
        self._cycle.message_event.set()

    async def _run(self, _scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 -- ASGI's types are dictionaries
        async def send_dated(message: Any) -> None:  # noqa: ANN401 -- see above
            if message["type"] == "http.response.start":
                self._cycle.default_headers = [(b"date", current_date())]
            await send(message)

        try:
            await self._connection.app(self._scope, receive, send_dated)
        except asyncio.CancelledError:
            # The process stops. uvicorn would report the missing response as a defect of the application.
            self._cycle.disconnected = True

    def _answered(self) -> None:
        self._connection.answered(self)
