"""Connections and pools for a database per test."""

from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from embedded.postgres import SUPERUSER, PostgreSQL
from infrastructure.database.connections import AUTH_ROLE, Connection, Pool, connect, pool
from tests.waiting import GENEROUS_TIMEOUTS


@pytest.fixture
async def connections(database_url: str) -> AsyncIterator[Pool]:
    async with pool(database_url, size_max=20, timeouts=GENEROUS_TIMEOUTS) as opened:
        yield opened


@pytest.fixture
async def single_connection_pool(database_url: str) -> AsyncIterator[Pool]:
    """A pool of single_connection_pool connection: a caller that loses it blocks every other caller."""
    async with pool(database_url, size_max=1, timeouts=GENEROUS_TIMEOUTS) as opened:
        yield opened


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    """A connection as the owner of the tables, which sees the whole log and may write uses."""
    async with await connect(database_url, role=None) as opened:
        yield opened


@pytest.fixture
async def application(database_url: str) -> AsyncIterator[Connection]:
    """A connection in the application's role for routes, bound to no organization."""
    async with await connect(database_url) as opened:
        yield opened


@pytest.fixture
async def auth(database_url: str) -> AsyncIterator[Connection]:
    """A connection in the application's role for looking up presented keys and writing uses."""
    async with await connect(database_url, role=AUTH_ROLE) as opened:
        yield opened


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Connection]:
    """A connection as the owner of the tables, for migrations and checks."""
    async with await connect(database_url, role=None) as opened:
        yield opened


@pytest.fixture
def superuser_url(postgres: PostgreSQL, database_url: str) -> str:
    """The URL of a superuser, who can also do what must never be done."""
    return postgres.url_of(Path(database_url.partition("?")[0]).name, SUPERUSER)


@pytest.fixture
async def superuser(superuser_url: str) -> AsyncIterator[psycopg.AsyncConnection[tuple[object, ...]]]:
    async with await psycopg.AsyncConnection.connect(superuser_url, autocommit=True) as opened:
        yield opened
