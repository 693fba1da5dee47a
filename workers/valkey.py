"""The connection to Valkey, and the log lines while it is unavailable."""

import logging
import time

import redis
import structlog
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from infrastructure.log_throttle import LogThrottle
from infrastructure.setting import InvalidSetting

Valkey = redis.Redis

_CONNECT_SECONDS = 2
_ANSWER_SECONDS = 5.0
_RETRIES = 1
_RETRY_SECONDS = 0.05
_WAIT_FIRST_SECONDS = 0.1
_WAIT_MOST_SECONDS = 1.0

_log = structlog.get_logger(__name__)
_unavailable = LogThrottle()


def connect(url: str, *, answer_seconds: float = _ANSWER_SECONDS) -> Valkey:
    """Return a client that has not connected yet.

    A command is tried twice, so that a restart between two commands is harmless.

    `answer_seconds` must be longer than any command waits in Valkey. Raises `InvalidSetting`.
    """
    try:
        return redis.Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
            url,
            socket_connect_timeout=_CONNECT_SECONDS,
            socket_timeout=answer_seconds,
            retry=Retry(ConstantBackoff(_RETRY_SECONDS), _RETRIES),
        )
    except ValueError:
        raise InvalidSetting("REDIS_URL", "is not an address of Valkey or Redis, such as redis://host:6379/0") from None


def wait_until_ready(connection: Valkey) -> None:
    """Return when Valkey responds. Log once that it does not, and once that it does again."""
    pause = _WAIT_FIRST_SECONDS
    waited = False
    while True:
        try:
            connection.ping()  # pyright: ignore[reportUnknownMemberType]
        except redis.RedisError as error:
            log_unavailable(error)
            waited = True
            time.sleep(pause)
            pause = min(2 * pause, _WAIT_MOST_SECONDS)
        else:
            if waited:
                _unavailable.forget()
                _log.info("valkey_available")
            return


def log_unavailable(error: BaseException) -> None:
    """Log at most one line a minute, because nothing is lost and the condition is temporary."""
    if _unavailable("valkey"):
        _log.warning("valkey_unavailable", error=f"{type(error).__name__}: {error}")


class ConnectionErrorFilter(logging.Filter):
    """Replaces what rq logs about a lost connection, a line or a traceback each time, with `log_unavailable`."""

    def filter(self, record: logging.LogRecord) -> bool:
        causes: list[object] = [record.exc_info[1]] if record.exc_info else []
        if isinstance(record.args, tuple):
            causes += record.args
        for cause in causes:
            if isinstance(cause, redis.ConnectionError | redis.TimeoutError):
                log_unavailable(cause)
                return False
        return True
