"""Access log: for every finished request a metric and, depending on the settings, a log line.

The line contains the route's template instead of the path, which can contain anything, and never a query, a body or a
cookie. The authentication binds the caller to the log context of the request (`structlog.contextvars`).
"""

from collections.abc import Mapping
from time import perf_counter
from typing import Any

import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app.http.messages import DirectRoute
from app.observability.metrics.recorder import METHODS, Recorder
from app.process.draining import Draining
from app.process.slow_headers import Connections
from infrastructure.setting_values import AccessLog

NO_ROUTE = "none"

_SLOW_SECONDS = 1.0
_GONE = 499
_FAILED = 500

_log = structlog.get_logger("app.access")


class AccessLogMiddleware:
    """The outermost application. `direct`: the routes that bypass the framework.

    `access_log` selects the requests with a log line. `notable` excludes normal responses of direct routes. Each use of
    a key is recorded already, and a line would add a fifth to the cost of a verification.
    """

    def __init__(
        self,
        inner: ASGIApp,
        direct: Mapping[tuple[str, str], DirectRoute],
        recorder: Recorder,
        access_log: AccessLog,
        draining: Draining,
        connections: Connections,
    ) -> None:
        self._inner = inner
        self._direct = {path for _, path in direct}
        self._recorder = recorder
        self._log_access = access_log
        self._draining = draining
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        # A client that disconnected before the response started is counted under nginx's status for that.
        status = _GONE

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = perf_counter()
        peer: Any = scope["client"]
        self._draining.active += 1
        self._connections.begin(peer, scope["http_version"])
        try:
            await self._inner(scope, receive, noting)
        finally:
            self._draining.active -= 1
            self._connections.end(peer)
            self._record(scope, status, perf_counter() - started)

    def _record(self, scope: Any, status: int, seconds: float) -> None:  # noqa: ANN401 -- ASGI's scope is an open dictionary
        method, path = scope["method"], scope["path"]
        is_direct = path in self._direct
        route = path if is_direct else scope.get("path_template") or NO_ROUTE
        self._recorder.request(method, route, status, seconds)
        usual = is_direct and status < _FAILED and seconds < _SLOW_SECONDS
        if self._log_access == "all" or (self._log_access == "notable" and not usual):
            _log.info(
                "request",
                method=method if method in METHODS else "other",
                route=route,
                status=status,
                duration_ms=round(seconds * 1000, 2),
            )
