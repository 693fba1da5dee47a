"""Connections to a database per test, with a log of changes and uses."""

from collections.abc import AsyncIterator

import pytest

from infrastructure.database.connections import WORKER_ROLE, Connection, Pool, connect, pool
from tests.corruption import owner  # noqa: F401  # pyright: ignore[reportUnusedImport] -- a fixture
from tests.waiting import GENEROUS_TIMEOUTS


@pytest.fixture
async def connections(database_url: str) -> AsyncIterator[Pool]:
    async with pool(database_url, size_max=8, timeouts=GENEROUS_TIMEOUTS) as opened:
        yield opened


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    async with await connect(database_url, role=WORKER_ROLE) as opened:
        yield opened
