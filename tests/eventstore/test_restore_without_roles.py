"""A dump restored into a new server without the roles: `check` says so, and `migrate` makes it whole."""

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
def another(tmp_path: Path) -> Iterator[PostgreSQL]:
    with PostgreSQL(tmp_path / "another" / "data", durable=False) as server:
        yield server


def _program(name: str) -> str:
    return str(find_postgres(Account.own()).postgres.with_name(name))


def _run(*words: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, **settings}
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=300)


def _eventstore(word: str, url: str) -> "subprocess.CompletedProcess[str]":
    return _run(sys.executable, "-m", "eventstore", word, DATABASE_URL=url)


async def test_a_restore_without_the_roles_is_noticed_and_repaired(
    connections: Pool, database_url: str, another: PostgreSQL, tmp_path: Path
) -> None:
    organization_id, other_id = await seed.organization(connections), await seed.organization(connections)
    key_id, _ = await seed.key(connections, organization_id)
    await seed.key(connections, other_id)
    async with await connect(database_url, role=AUTH_ROLE) as gate:
        await gate.execute("select usage_partition_ensure('2026-03-01')")
    dump = tmp_path / "dump"
    assert _run(_program("pg_dump"), "-Fc", f"--file={dump}", database_url).returncode == 0
    restored = _run(_program("pg_restore"), "--no-owner", f"--dbname={another.url}", str(dump))
    assert 'role "keyledger_app" does not exist' in restored.stderr
    with psycopg.connect(another.url) as connection:
        assert connection.execute("select count(*) from pg_policies").fetchone() == (0,)

    noticed = _eventstore("check", another.url)
    assert noticed.returncode == 1, noticed.stdout
    assert "role keyledger_app does not exist" in noticed.stdout
    assert "python -m eventstore migrate" in noticed.stdout

    mended = _eventstore("migrate", another.url)
    assert mended.returncode == 0, mended.stderr
    assert "repaired: policy own_organization on events is missing" in mended.stdout
    sound = _eventstore("check", another.url)
    assert sound.returncode == 0, sound.stdout

    async with pool(another.url, timeouts=GENEROUS_TIMEOUTS) as application:
        made = await execute(application, renaming(organization_id, key_id, "New"), INLINE)
        assert isinstance(made, Change)
        async with read_transaction(application, organization_id) as connection:
            assert await value(connection, "select count(distinct organization_id) from events") == 1
