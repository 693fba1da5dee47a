"""The database of the hand-written service, on the PostgreSQL server of the API, with the same keys."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import psycopg

from embedded.postgres import PostgreSQL

_NAME = "hand_written"
_SCHEMA = Path(__file__).with_name("hand_written.sql").read_bytes()
_ORGANIZATION = 1


def create(server: PostgreSQL, keys: Iterable[str]) -> str:
    """Create the database with `keys`, all of them active, and return its URL."""
    with psycopg.connect(server.url, autocommit=True) as owner:
        owner.execute(f"create database {_NAME}".encode())
    url = server.url_of(_NAME)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_SCHEMA)
        with connection.cursor().copy("copy api_key (key_hash, org_id, status) from stdin") as rows:
            for key in keys:
                rows.write_row((hashlib.sha256(key.encode()).digest(), _ORGANIZATION, "active"))
        connection.execute(b"vacuum (analyze)")
    return url


def uses(url: str) -> int:
    """Return the number of recorded uses."""
    with psycopg.connect(url) as connection:
        (number,) = connection.execute(b"select count(*) from usage").fetchone() or (0,)
    return number
