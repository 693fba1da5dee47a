"""Access to a database that can cause the damage a failed restore or disk can cause."""

from collections.abc import AsyncIterator

import pytest
from psycopg.conninfo import conninfo_to_dict

from embedded.postgres import SUPERUSER, PostgreSQL
from infrastructure.database.connections import Connection, connect


@pytest.fixture
async def owner(postgres: PostgreSQL, database_url: str) -> AsyncIterator[Connection]:
    """A connection that can damage the log: triggers and foreign keys are off."""
    name = str(conninfo_to_dict(database_url)["dbname"])
    async with await connect(postgres.url_of(name, SUPERUSER), role=None) as opened:
        await opened.execute(b"set session_replication_role = replica")
        yield opened
