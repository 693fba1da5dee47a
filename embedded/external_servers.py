"""External servers, named by DATABASE_URL and REDIS_URL, which are checked before anything is started.

A server that reports that it is recovering or loading its data is waited for.

The client libraries are imported where they are used: the imports take half a second, and most starts need neither.
"""

import re
import time
from pathlib import Path

from embedded.errors import CannotStart
from embedded.waiting import Wait, wait_until

_CONNECT_SECONDS = 5
_PAUSE_SECONDS = 0.2
_SECRET_LETTERS_MIN = 3
_RECOVERING = ("the database system is starting up", "is not yet accepting connections", "is in recovery mode")
"""Messages of the server that libpq passes on (src/backend/tcop/backend_startup.c), for errors without an SQLSTATE.

Servers with another `lc_messages` send them in their language, so an SQLSTATE takes precedence.
"""
_CANNOT_CONNECT_NOW = "57P03"


def require_database(url: str) -> None:
    """Raise CannotStart if PostgreSQL does not respond there. The message contains no part of the password."""
    wait_until(lambda: _database_accepts(url), _ExternalWait("postgresql", "DATABASE_URL"))


def require_redis(url: str) -> None:
    """Raise CannotStart if Valkey or Redis does not respond there. The message contains no part of the password."""
    wait_until(lambda: _redis_accepts(url), _ExternalWait("valkey", "REDIS_URL"))


class _ExternalWait(Wait):
    """A wait for an external server, whose log is not in the data folder."""

    def __init__(self, name: str, variable: str) -> None:
        super().__init__(name, Path(f"that of the server in {variable}"), "to have its data recovered or loaded")


def _database_accepts(url: str) -> bool:
    import psycopg  # noqa: PLC0415

    try:
        psycopg.connect(url, connect_timeout=_CONNECT_SECONDS).close()
    except psycopg.OperationalError as error:
        if error.sqlstate == _CANNOT_CONNECT_NOW or any(words in str(error) for words in _RECOVERING):
            time.sleep(_PAUSE_SECONDS)
            return False
        raise CannotStart(f"DATABASE_URL: {_in_one_line(error, url)}") from None
    except psycopg.ProgrammingError:
        message = "DATABASE_URL is not an address of PostgreSQL: postgresql://user:password@host:port/database"
        raise CannotStart(message) from None
    return True


def _redis_accepts(url: str) -> bool:
    import redis  # noqa: PLC0415

    try:
        with redis.Redis.from_url(url, socket_connect_timeout=_CONNECT_SECONDS) as client:  # pyright: ignore[reportUnknownMemberType]
            client.ping()  # pyright: ignore[reportUnknownMemberType]
    except redis.BusyLoadingError:
        time.sleep(_PAUSE_SECONDS)
        return False
    except ValueError:
        raise CannotStart("REDIS_URL is not an address of Valkey or Redis: redis://:password@host:port/0") from None
    except redis.RedisError as error:
        raise CannotStart(f"REDIS_URL: {_in_one_line(error, url)}") from None
    return True


def _in_one_line(error: Exception, url: str) -> str:
    """Return the message in one line, without anything that may come from the password.

    An unescaped `@`, `:` or `/` in the password splits the URL at the wrong point, and the message then quotes a part
    of the password as the host or the port. Each part is therefore redacted.
    """
    message = " ".join(str(error).split())
    secret = url.partition("://")[2].rpartition("@")[0].partition(":")[2]
    secret += "&" + "&".join(re.findall(r"password=([^&\s]+)", url))
    for piece in sorted(re.split(r"\W+", secret), key=len, reverse=True):
        if len(piece) >= _SECRET_LETTERS_MIN:
            message = message.replace(piece, "***")
    return message
