"""Databases for tests, on the shared server."""

from collections.abc import Generator
from contextlib import contextmanager
from itertools import count

import psycopg
from psycopg import sql

from embedded.postgres import SUPERUSER, PostgreSQL

_numbers = count(1)


@contextmanager
def new_database(server: PostgreSQL, template: str) -> Generator[str]:
    """Yield the address of a copy of `template`, and drop the copy at the end, even if clients are connected to it."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        # Copying files takes a quarter of the time of `wal_log` here: the checkpoints that it needs are cheap on a
        # server that does not wait for the disk.
        statement = sql.SQL("create database {} template {} strategy file_copy")
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
    yield server.url_of(name)
    # A test that fails may leave the server stopped.
    server.start()
    with psycopg.connect(server.url_of("postgres", SUPERUSER), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
