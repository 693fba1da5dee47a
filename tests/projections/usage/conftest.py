from collections.abc import AsyncIterator

import pytest

from infrastructure.database.connections import WORKER_ROLE, Connection, connect
from tests.corruption import owner  # noqa: F401  # pyright: ignore[reportUnusedImport] -- a fixture


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    async with await connect(database_url, role=WORKER_ROLE) as opened:
        yield opened
