"""Servers that someone else runs, named by DATABASE_URL and REDIS_URL: asked once, before anything is started.

The clients are imported where they are used: together they take half a second, which most starts need not wait for.
"""

import re

from embedded.errors import CannotStart

_CONNECT_SECONDS = 5
_SECRET_LETTERS_MIN = 3


def require_database(url: str) -> None:
    """Raises CannotStart if PostgreSQL does not answer there. No part of the password is repeated."""
    import psycopg  # noqa: PLC0415

    try:
        psycopg.connect(url, connect_timeout=_CONNECT_SECONDS).close()
    except psycopg.OperationalError as error:
        raise CannotStart(f"DATABASE_URL: {_in_one_line(error, url)}") from None
    except psycopg.ProgrammingError:
        message = "DATABASE_URL is not an address of PostgreSQL: postgresql://user:password@host:port/database"
        raise CannotStart(message) from None


def require_redis(url: str) -> None:
    """Raises CannotStart if Valkey or Redis does not answer there. No part of the password is repeated."""
    import redis  # noqa: PLC0415

    try:
        with redis.Redis.from_url(url, socket_connect_timeout=_CONNECT_SECONDS) as client:  # pyright: ignore[reportUnknownMemberType]
            client.ping()  # pyright: ignore[reportUnknownMemberType]
    except ValueError:
        raise CannotStart("REDIS_URL is not an address of Valkey or Redis: redis://:password@host:port/0") from None
    except redis.RedisError as error:
        raise CannotStart(f"REDIS_URL: {_in_one_line(error, url)}") from None


def _in_one_line(error: Exception, url: str) -> str:
    """The message with everything blotted out that may come from the password.

    A password with an unescaped `@`, `:` or `/` is torn apart when the address is read, and the message then quotes a
    piece of it as the host or the port. So each piece is looked for.
    """
    message = " ".join(str(error).split())
    secret = url.partition("://")[2].rpartition("@")[0].partition(":")[2]
    secret += "&" + "&".join(re.findall(r"password=([^&\s]+)", url))
    for piece in sorted(re.split(r"\W+", secret), key=len, reverse=True):
        if len(piece) >= _SECRET_LETTERS_MIN:
            message = message.replace(piece, "***")
    return message
