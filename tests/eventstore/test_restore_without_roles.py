"""A dump restored to a new server without the roles: `check` reports it, and `migrate` repairs it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from embedded.account import Account
from embedded.binaries import find_postgres
from embedded.postgres import PostgreSQL
from eventstore.execute import Change, execute
from infrastructure.database.connections import AUTH_ROLE, Pool, connect, pool
from infrastructure.database.tenant import read_transaction
from projections.registry import INLINE
from tests import seed
from tests.eventstore.changes import renaming, value
from tests.waiting import GENEROUS_TIMEOUTS

pytestmark = pytest.mark.anyio


@pytest.fixture
def another_server(tmp_path: Path) -> Iterator[PostgreSQL]:
    with PostgreSQL(tmp_path / "another_server" / "data", durable=False) as server:
        yield server


def _program(name: str) -> str:
    return str(find_postgres(Account.own()).postgres.with_name(name))


def _run(*words: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, **settings}
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=300)


def _eventstore(word: str, url: str) -> "subprocess.CompletedProcess[str]":
    return _run(sys.executable, "-m", "eventstore", word, DATABASE_URL=url)


async def test_a_restore_without_the_roles_is_detected_and_repaired(
    connections: Pool, database_url: str, another_server: PostgreSQL, tmp_path: Path
) -> None:
    organization_id, other_id = await seed.organization(connections), await seed.organization(connections)
    key_id, _ = await seed.key(connections, organization_id)
    await seed.key(connections, other_id)
    async with await connect(database_url, role=AUTH_ROLE) as auth:
        await auth.execute("select usage_partition_ensure('2026-03-01')")
    dump = tmp_path / "dump"
    assert _run(_program("pg_dump"), "-Fc", f"--file={dump}", database_url).returncode == 0
    restored = _run(_program("pg_restore"), "--no-owner", f"--dbname={another_server.url}", str(dump))
    assert 'role "keyledger_app" does not exist' in restored.stderr
    with psycopg.connect(another_server.url) as connection:
        assert connection.execute("select count(*) from pg_policies").fetchone() == (0,)

    first_check = _eventstore("check", another_server.url)
    assert first_check.returncode == 1, first_check.stdout
    assert "role keyledger_app does not exist" in first_check.stdout
    assert "python -m eventstore migrate" in first_check.stdout

    migrated = _eventstore("migrate", another_server.url)
    assert migrated.returncode == 0, migrated.stderr
    assert "repaired: policy own_organization on events is missing" in migrated.stdout
    second_check = _eventstore("check", another_server.url)
    assert second_check.returncode == 0, second_check.stdout

    async with pool(another_server.url, timeouts=GENEROUS_TIMEOUTS) as application:
        committed = await execute(application, renaming(organization_id, key_id, "New"), INLINE)
        assert isinstance(committed, Change)
        async with read_transaction(application, organization_id) as connection:
            assert await value(connection, "select count(distinct organization_id) from events") == 1
