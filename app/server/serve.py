"""The HTTP server: its processes, its time limits, and its shutdown."""

import importlib
from collections.abc import Callable

import structlog
import uvloop

from app.server.application import CLOSING_SECONDS, Application, run
from app.server.connection import TimeLimits
from app.server.listeners import open_listeners
from app.server.processes import Processes
from infrastructure.settings import Settings

_log = structlog.get_logger(__name__)


def serve(config: Settings, application: str = "app.application:app_from_environment") -> None:
    """Serve until SIGTERM or SIGINT. Each process calls the function `application` (`module:name`).

    Raise `SystemExit` if the address cannot be used.
    """
    module, _, name = application.partition(":")
    create: Callable[[], Application] = getattr(importlib.import_module(module), name)
    limits = TimeLimits(config.keep_alive_seconds, config.header_seconds)
    try:
        listeners = open_listeners(config.host, config.port, config.api_workers)
    except OSError as error:
        _log.critical("address_not_available", host=config.host, port=config.port, error=str(error))
        raise SystemExit(1) from None
    _log.info("server_started", host=config.host, port=config.port, processes=config.api_workers)
    Processes(
        listeners,
        lambda listener: uvloop.run(run(create(), listener, limits)),
        stop_seconds=config.grace_seconds + CLOSING_SECONDS,
    ).run()
