"""The HTTP server: its processes, its time limits, and its shutdown."""

from granian.constants import Interfaces, Loops
from granian.http import HTTP1Settings
from granian.server import Server

from infrastructure.log_format import library_logging
from infrastructure.settings import Settings

_CLOSING_SECONDS = 3
"""Time for a process to close its connections after the grace period."""


def serve(config: Settings, application: str = "app.application:app_from_environment") -> None:
    """Serve until SIGTERM or SIGINT. Each process calls `application` to create the ASGI application."""
    server = Server(
        application,
        factory=True,
        interface=Interfaces.ASGI,
        address=config.host,
        port=config.port,
        workers=config.api_workers,
        loop=Loops.uvloop,
        websockets=False,
        backlog=2_048,
        # This limit covers both idle connections and slow headers; `app/process/slow_headers.py` has a shorter one.
        http1_settings=HTTP1Settings(header_read_timeout=1_000 * config.keep_alive_seconds),
        respawn_failed_workers=True,
        respawn_interval=0.5,
        # On SIGTERM a process drains first; see `app/process/draining.py`.
        workers_kill_timeout=config.grace_seconds + _CLOSING_SECONDS,
        log_access=False,
        log_dictconfig=library_logging("_granian"),
    )
    server.serve()
