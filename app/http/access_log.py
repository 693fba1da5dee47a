"""Access log: for every finished request a metric and, depending on the settings, a log line.

The line contains the route's template instead of the path, which can contain anything, and never a query, a body or a
cookie. The authentication binds the caller to the log context of the request (`structlog.contextvars`).
"""

from collections.abc import Container
from time import perf_counter
from typing import Any

import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app.observability.metrics.recorder import METHODS, Recorder
from app.process.draining import Draining
from infrastructure.setting_values import AccessLog

NO_ROUTE = "none"

GONE = 499
"""The status of a client that disconnected before the response started, which is nginx's status for that."""

_SLOW_SECONDS = 1.0
_FAILED = 500

_log = structlog.get_logger("app.access")


class RequestLog:
    """Records finished requests. `direct`: the paths that are their own route.

    `access_log` selects the requests with a log line. `notable` excludes normal responses of direct routes. Each use of
    a key is recorded already, and a line would add a fifth to the cost of a verification.
    """

    def __init__(self, recorder: Recorder, access_log: AccessLog, direct: Container[str]) -> None:
        self._recorder = recorder
        self._log_access = access_log
        self._direct = direct

    def record(self, method: str, path: str, template: str | None, status: int, seconds: float) -> None:
        """Record a request. `template`: the route of the framework that matched its path."""
        is_direct = path in self._direct
        route = path if is_direct else template or NO_ROUTE
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


class AccessLogMiddleware:
    """Records every request that the HTTP protocol does not answer itself."""

    def __init__(self, inner: ASGIApp, log: RequestLog, draining: Draining) -> None:
        self._inner = inner
        self._requests = log
        self._draining = draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        status = GONE

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = perf_counter()
        given: Any = scope
        self._draining.active += 1
        try:
            await self._inner(scope, receive, noting)
        finally:
            self._draining.active -= 1
            seconds = perf_counter() - started
            self._requests.record(given["method"], given["path"], given.get("path_template"), status, seconds)
