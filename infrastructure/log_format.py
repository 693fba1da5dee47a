"""Log lines: JSON, one a line, on standard error, also those of the libraries. Never a secret.

Logging never raises into the code that logs: a line that cannot be made or written is dropped and counted
(`infrastructure.log_output`). `log_context` adds values to every line until it ends, such as the id of the request or
of the job.
"""

import logging
import re
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
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
# Each with a text that is in everything it finds: to look for a text takes a hundredth of the time.
_SECRETS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    *((mark, SOMEWHERE, _REDACTED) for mark in MARKS),
    # What an Authorization header holds, ours or an upstream's.
    ("earer ", re.compile(r"([Bb]earer )[A-Za-z0-9._~+/=-]{8,}"), _REDACTED),
    ("asic ", re.compile(r"([Bb]asic )[A-Za-z0-9._~+/=-]{8,}"), _REDACTED),
    # What an address or a cookie has under the name of a secret: the token of a sign-in link, a session.
    ("=", re.compile(r"((?:token|session|code|secret|password|api_key)=)[^\s&\"'\\;,]{8,}"), _REDACTED),
    ("://", re.compile(r"(://)[^\s/@\"]*:[^\s/@\"]+@"), r"\1[redacted]@"),
)

# Libraries say what they are about at INFO; that is nobody's news. Two who change the same thing at once are no news
# either: the slower one decides again.
_LEVELS: Mapping[str, int] = {"psycopg": logging.ERROR, "psycopg.pool": logging.WARNING}


_FIRST = ("timestamp", "level", "event")


def configure_logging(level: str = "INFO") -> None:
    """Once per process, at its start."""
    logging.basicConfig(handlers=[log_handler()], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)
    for name, least in _LEVELS.items():
        logging.getLogger(name).setLevel(least)
    sys.excepthook = _log_end
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, *_common(), _render],
        wrapper_class=_never_raising(structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level])),
        # A line and its end are written together: several processes write to one place.
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", OUTPUT)),
        cache_logger_on_first_use=True,
    )


class _Handler(logging.StreamHandler[LogOutput]):
    """Drops and counts a record that cannot be formatted, instead of reporting it to standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            super().emit(record)
        except RecursionError:  # the one error that the standard library passes on
            OUTPUT.dropped += 1

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 -- named by the standard library
        OUTPUT.dropped += 1


def log_handler() -> logging.Handler:
    """For loggers of the standard library: the same lines, the same place."""
    handler = _Handler(OUTPUT)
    handler.setFormatter(json_formatter())
    return handler


def json_formatter() -> ProcessorFormatter:
    """For handlers of the standard library's logging, so that a library's line looks like ours."""
    return ProcessorFormatter(
        foreign_pre_chain=[structlog.contextvars.merge_contextvars, structlog.stdlib.add_logger_name],
        processors=[ProcessorFormatter.remove_processors_meta, *_common(), _render],
    )


def library_logging(*loggers: str) -> dict[str, Any]:
    """For a library that sets its own logging up with `logging.config.dictConfig`: the same lines, the same place."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"lines": {"()": log_handler}},
        "loggers": {name: {"handlers": ["lines"], "level": "INFO", "propagate": False} for name in loggers},
    }


@contextmanager
def log_context(**fields: str) -> Generator[None]:
    """Every line of this task, and of those that it starts, has these fields."""
    with structlog.contextvars.bound_contextvars(**fields):
        yield


def redacted(text: str) -> str:
    """The last fence: `text` without what has the form of a secret. Nothing should ever get as far as here."""
    for mark, secret, replacement in _SECRETS:
        if mark in text:
            text = secret.sub(replacement, text)
    return text


def _never_raising(logger: type[FilteringBoundLogger]) -> type[FilteringBoundLogger]:
    """The same logger, whose calls drop and count a line that cannot be made."""

    class NeverRaising(logger):  # type: ignore[valid-type, misc]
        def _proxy_to_logger(self, method_name: str, event: str | None = None, **fields: Any) -> Any:  # noqa: ANN401 -- as overridden
            try:
                return cast("Any", super())._proxy_to_logger(method_name, event, **fields)  # noqa: SLF001 -- made for it
            except Exception:  # noqa: BLE001 -- whatever a field does when it is rendered, the caller goes on
                OUTPUT.dropped += 1
                return None

    return NeverRaising


def _common() -> list[Processor]:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # Without local variables: one of them could be a secret.
        structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
    ]


def _render(_logger: WrappedLogger, _name: str, event: EventDict) -> str:
    line = {**{name: event.pop(name) for name in _FIRST if name in event}, **event}
    try:
        text = msgspec.json.encode(line, enc_hook=repr).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        # A number beyond 64 bits, half of a surrogate pair: what can not be said nicely is said all the same.
        text = msgspec.json.encode({name: ascii(value) for name, value in line.items()}).decode()
    # The finished line is looked through, not its fields: a secret can be anywhere, the text of an exception included.
    return redacted(text)


def _log_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A process that ends by an exception says so in a line like any other."""
    if issubclass(kind, KeyboardInterrupt):
        return
    exception: Any = (kind, error, trace)
    structlog.get_logger("python").critical("process_failed", exc_info=exception)
