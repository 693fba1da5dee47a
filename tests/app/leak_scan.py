"""What a server leaves behind, and that no secret is in it (I11).

A secret is whatever has the form and the checksum of a key: a digest, a prefix or a random text has not.
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
"""Every credential that the tests give to an MCP begins with this."""

ADDRESS_MARK = "secret-address-"
"""Every address that is a secret, as that of a Slack channel, has this in its path in the tests."""

_KEY = re.compile(rb"pk_(?:live|test)_[0-9A-Za-z]{32}")
_TOKEN = re.compile(rb"\bk[sli]_[0-9A-Za-z_-]{43}\b")
"""Of a session, of a link to sign in with, of an invitation."""

_SIGNING = re.compile(rb"whsec_[0-9A-Za-z+/]{43}=")
"""What messages for webhooks are signed with."""


def secrets_in(content: bytes) -> list[str]:
    """Keys, tokens, signing secrets, credentials, secret addresses: in the clear or in the commonest disguises."""
    found = [match.decode() for match in _KEY.findall(content) if parse(match.decode()) is not None]
    found += [match.decode() for match in _TOKEN.findall(content)]
    found += [match.decode() for match in _SIGNING.findall(content)]
    return found + [mark for mark in (UPSTREAM_MARK, ADDRESS_MARK) if mark.encode() in content]


def remains(database_url: str, server: Server) -> Iterator[tuple[str, bytes]]:
    """Everything that is kept, piece by piece, with the name of the place: log lines, rows, jobs."""
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
            # Bytes are shown as hexadecimal in the text of a row, where nobody would find anything.
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


def _values(client: Any, name: bytes) -> list[bytes]:  # noqa: ANN401 -- redis is typed for both of its worlds at once
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
    """Rq compresses what it is to call."""
    try:
        return zlib.decompress(value)
    except zlib.error:
        return value
