"""Search of the data that a server leaves behind for secrets (I11).

A text counts as a secret if it has the form and the checksum of a key. Digests, prefixes and random texts do not.
"""

import re
import zlib
from collections.abc import Iterator
from typing import Any

import psycopg
import redis
from psycopg import sql

from domain.secret import parse
from tests.app.serving import Server

UPSTREAM_MARK = "upstream-credential-"
"""The beginning of every MCP credential in the tests."""

ADDRESS_MARK = "secret-address-"
"""Part of the path of every secret address in the tests, such as that of a Slack channel."""

_KEY = re.compile(rb"pk_(?:live|test)_[0-9A-Za-z]{32}")
_TOKEN = re.compile(rb"\bk[sli]_[0-9A-Za-z_-]{43}\b")
"""The token of a session, a sign-in link or an invitation."""

_SIGNING = re.compile(rb"whsec_[0-9A-Za-z+/]{43}=")
"""A webhook signing secret."""


def secrets_in(content: bytes) -> list[str]:
    """Return the keys, tokens, signing secrets, credentials and secret addresses in `content`."""
    found = [match.decode() for match in _KEY.findall(content) if parse(match.decode()) is not None]
    found += [match.decode() for match in _TOKEN.findall(content)]
    found += [match.decode() for match in _SIGNING.findall(content)]
    return found + [mark for mark in (UPSTREAM_MARK, ADDRESS_MARK) if mark.encode() in content]


def remains(database_url: str, server: Server) -> Iterator[tuple[str, bytes]]:
    """Yield each stored item with the name of its place: log lines, rows and jobs."""
    for number, line in enumerate(server.log.read_bytes().splitlines(), start=1):
        yield f"log line {number}", line
    yield from _rows(database_url)
    yield from _jobs(server.redis_url)


def refuse_secrets(database_url: str, server: Server) -> None:
    leaks = [place for place, content in remains(database_url, server) if secrets_in(content)]
    assert not leaks, leaks[:20]


def _rows(database_url: str) -> Iterator[tuple[str, bytes]]:
    with psycopg.connect(database_url) as connection:
        tables = connection.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1"
        ).fetchall()
        for (table,) in tables:
            columns = connection.execute(
                "select attname from pg_attribute"
                " where attrelid = %s::regclass and attnum > 0 and not attisdropped and atttypid = 'bytea'::regtype",
                (f"public.{table}",),
            ).fetchall()
            # The text of a row shows bytes as hexadecimal, in which a search would find nothing.
            bodies = [sql.SQL("coalesce({}, '')").format(sql.Identifier(name)) for (name,) in columns]
            whole = sql.SQL(" || ").join([sql.SQL("convert_to(t::text, 'utf8')"), *bodies])
            query = sql.SQL("select {} from {} t").format(whole, sql.Identifier(table))
            for (content,) in connection.execute(query):
                yield f"table {table}", bytes(content)


def _jobs(redis_url: str) -> Iterator[tuple[str, bytes]]:
    with redis.Redis.from_url(redis_url) as typed:  # pyright: ignore[reportUnknownMemberType]
        client: Any = typed
        for name in client.scan_iter():
            for value in (name, *_values(client, name)):
                yield f"redis {name!r}", _decompressed(value)


def _values(client: Any, name: bytes) -> list[bytes]:  # noqa: ANN401 -- redis has the same types for its sync and async clients
    match client.type(name):
        case b"string":
            found = [client.get(name)]
        case b"hash":
            found = [part for pair in client.hgetall(name).items() for part in pair]
        case b"list":
            found = client.lrange(name, 0, -1)
        case b"set":
            found = client.smembers(name)
        case b"zset":
            found = client.zrange(name, 0, -1)
        case b"stream":
            found = [repr(client.xrange(name)).encode()]
        case _:  # gone by now
            found = []
    return [value for value in found if value is not None]


def _decompressed(value: bytes) -> bytes:
    """Decompress a job: rq compresses the call that it stores."""
    try:
        return zlib.decompress(value)
    except zlib.error:
        return value
