"""The application in one process: runs it on one listening socket until the process is asked to stop."""

import asyncio
import logging
import signal
import socket
from functools import partial
from typing import Any, NamedTuple, cast

import structlog
from litestar.types import ASGIApp
from uvicorn.config import Config
from uvicorn.lifespan.on import LifespanOn
from uvicorn.server import ServerState

from app.process.draining import Draining
from app.server.connection import Connection, TimeLimits
from app.server.hot_routes import HotRoutes
from app.server.listeners import BACKLOG
from infrastructure.log_format import log_handler

CLOSING_SECONDS = 3
"""Time for a process to close its connections after the grace period."""

_STEP_SECONDS = 0.02
_START_FAILED = 3

_log = structlog.get_logger(__name__)


class Application(NamedTuple):
    """`hot`: the routes that the HTTP protocol answers itself. All other requests go to `asgi`."""

    asgi: ASGIApp
    hot: HotRoutes
    draining: Draining


async def run(application: Application, listener: socket.socket, limits: TimeLimits) -> None:
    """Serve on `listener` until SIGTERM or SIGINT, then drain. Raise `SystemExit` if the application does not start."""
    logging.getLogger("uvicorn.error").addHandler(log_handler())
    logging.getLogger("uvicorn.error").propagate = False
    config = Config(
        cast("Any", application.asgi),
        interface="asgi3",
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
    )
    lifespan = LifespanOn(config)
    await lifespan.startup()
    if lifespan.should_exit:
        raise SystemExit(_START_FAILED)
    state = ServerState()
    loop = asyncio.get_running_loop()
    new_connection = partial(Connection, config, state, lifespan.state, application.hot, limits)
    server = await loop.create_server(new_connection, sock=listener, backlog=BACKLOG)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, application.draining.begin)
    await application.draining.ended.wait()
    server.close()
    await _close(cast("set[Connection]", state.connections))
    for task in state.tasks:
        task.cancel()
    if state.tasks:
        await asyncio.wait(state.tasks, timeout=CLOSING_SECONDS / 2)
    await lifespan.shutdown()


async def _close(connections: set[Connection]) -> None:
    for connection in list(connections):
        connection.shutdown()
    deadline = asyncio.get_running_loop().time() + CLOSING_SECONDS / 2
    while connections and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 -- runs only once per process
        await asyncio.sleep(_STEP_SECONDS)
    for connection in list(connections):
        connection.abort()
