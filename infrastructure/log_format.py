"""Log lines as JSON objects on standard error, for this program and its libraries. They never contain a secret.

Logging never raises into the code that logs: a line that cannot be formatted or written is dropped and counted
(`infrastructure.log_output`). Inside `log_context`, every line has additional fields, such as the id of the request or
the job.
"""

import logging
import re
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any, TextIO, cast

import msgspec
import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from domain.secret import MARKS, SOMEWHERE
from infrastructure.log_output import OUTPUT, LogOutput

_REDACTED = r"\1[redacted]"
# Each pattern comes with a text that all its matches contain: searching for a text takes a hundredth of the time.
_SECRETS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    *((mark, SOMEWHERE, _REDACTED) for mark in MARKS),
    # The value of an Authorization header, ours or an upstream's.
    ("earer ", re.compile(r"([Bb]earer )[A-Za-z0-9._~+/=-]{8,}"), _REDACTED),
    ("asic ", re.compile(r"([Bb]asic )[A-Za-z0-9._~+/=-]{8,}"), _REDACTED),
    # A URL parameter or cookie with the name of a secret: the token of a sign-in link, a session.
    ("=", re.compile(r"((?:token|session|code|secret|password|api_key)=)[^\s&\"'\\;,]{8,}"), _REDACTED),
    ("://", re.compile(r"(://)[^\s/@\"]*:[^\s/@\"]+@"), r"\1[redacted]@"),
)

# Libraries log routine work at INFO, which operators do not need. psycopg warns about concurrent changes, which are
# routine too: the slower caller decides again.
_LEVELS: Mapping[str, int] = {"psycopg": logging.ERROR, "psycopg.pool": logging.WARNING}


_FIRST = ("timestamp", "level", "event")


def configure_logging(level: str = "INFO") -> None:
    """Configure the logging of this process. Called once, at its start."""
    logging.basicConfig(handlers=[log_handler()], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)
    for name, least in _LEVELS.items():
        logging.getLogger(name).setLevel(least)
    sys.excepthook = _log_end
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, _merge_lazy_fields, *_common(), _render],
        wrapper_class=_never_raising(structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level])),
        # A line and its newline are written together, because several processes write to the same stream.
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", OUTPUT)),
        cache_logger_on_first_use=True,
    )


class _Handler(logging.StreamHandler[LogOutput]):
    """A handler that drops and counts a record that cannot be formatted, instead of printing a traceback."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            super().emit(record)
        except RecursionError:  # the one error that the standard library passes on
            OUTPUT.dropped += 1

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 -- named by the standard library
        OUTPUT.dropped += 1


def log_handler() -> logging.Handler:
    """Return a handler for loggers of the standard library, with the same format and output."""
    handler = _Handler(OUTPUT)
    handler.setFormatter(json_formatter())
    return handler


def json_formatter() -> ProcessorFormatter:
    """Return a formatter for handlers of the standard library, so that all lines have one format."""
    return ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            _merge_lazy_fields,
            structlog.stdlib.add_logger_name,
        ],
        processors=[ProcessorFormatter.remove_processors_meta, *_common(), _render],
    )


@contextmanager
def log_context(**fields: str) -> Generator[None]:
    """Add `fields` to every line of this task, and of the tasks that it starts, inside the block."""
    with structlog.contextvars.bound_contextvars(**fields):
        yield


LAZY_FIELDS: ContextVar[Callable[[], Mapping[str, str]] | None] = ContextVar("lazy_fields", default=None)
"""Like `log_context`, for code that rarely writes a line: the fields are computed for each line. Set it only around
synchronous code, and reset it."""


def _merge_lazy_fields(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    fields = LAZY_FIELDS.get()
    return event if fields is None else {**event, **fields()}


def redacted(text: str) -> str:
    """Return `text` without anything in the form of a secret. The last defence: no secret should get this far."""
    for mark, secret, replacement in _SECRETS:
        if mark in text:
            text = secret.sub(replacement, text)
    return text


def _never_raising(logger: type[FilteringBoundLogger]) -> type[FilteringBoundLogger]:
    """Return a subclass of `logger` whose calls drop and count a line that cannot be formatted."""

    class NeverRaising(logger):  # type: ignore[valid-type, misc]
        def _proxy_to_logger(self, method_name: str, event: str | None = None, **fields: Any) -> Any:  # noqa: ANN401 -- as overridden
            try:
                return cast("Any", super())._proxy_to_logger(method_name, event, **fields)  # noqa: SLF001 -- made for it
            except Exception:  # noqa: BLE001 -- a field may raise anything when it is rendered, and the caller continues
                OUTPUT.dropped += 1
                return None

    return NeverRaising


def _common() -> list[Processor]:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # Local variables are omitted: one of them could be a secret.
        structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
    ]


def _render(_logger: WrappedLogger, _name: str, event: EventDict) -> str:
    line = {**{name: event.pop(name) for name in _FIRST if name in event}, **event}
    try:
        text = msgspec.json.encode(line, enc_hook=repr).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        # JSON cannot express some values, such as a number beyond 64 bits or half of a surrogate pair.
        text = msgspec.json.encode({name: ascii(value) for name, value in line.items()}).decode()
    # The finished line is redacted, not its fields: a secret can be anywhere, even in the text of an exception.
    return redacted(text)


def _log_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Log the exception that ends this process as a line in the same format."""
    if issubclass(kind, KeyboardInterrupt):
        return
    exception: Any = (kind, error, trace)
    structlog.get_logger("python").critical("process_failed", exc_info=exception)
