"""A connection to which PostgreSQL does not apply the requested settings is refused, with the reason."""

import base64
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg_pool import PoolTimeout

from eventstore.execute import execute
from eventstore.group_commit import BatchLimits, BatchResult, GroupCommit, ItemResult
from infrastructure.clock import now
from infrastructure.database.connections import (
    AUTH_ROLE,
    MAINTENANCE_TIMEOUTS,
    WORKER_ROLE,
    Connection,
    Pool,
    Role,
    Timeouts,
    connect,
    open_pipeline,
    pool,
)
from infrastructure.database.errors import SettingsNotApplied, Unavailable
from infrastructure.database.pipeline import Pipeline
from infrastructure.database.tenant import read_transaction
from projections.engine.rebuild.rebuild import verify
from projections.registry import INLINE, REBUILDABLE
from tests import seed
from tests.eventstore.changes import renaming, value
from tests.eventstore.stripping_proxy import stripping_proxy
from tests.programs import run_program
from tests.projections.usage.uses import used
from tests.waiting import GENEROUS_TIMEOUTS
from tests.workers.log_view import eventually

pytestmark = pytest.mark.anyio

ROLES: tuple[Role | None, ...] = ("keyledger_app", AUTH_ROLE, WORKER_ROLE, None)
SETTINGS = (
    "lock_timeout",
    "statement_timeout",
    "idle_in_transaction_session_timeout",
    "client_connection_check_interval",
)


@pytest.fixture
def stripped_url(database_url: str) -> Iterator[str]:
    with stripping_proxy(database_url) as url:
        yield url


@pytest.mark.parametrize("role", ROLES)
async def test_every_role_connects_if_nothing_is_dropped(database_url: str, role: Role | None) -> None:
    with stripping_proxy(database_url, "nothing") as url:
        async with await connect(url, role=role, timeouts=GENEROUS_TIMEOUTS, organization_id="org_a") as connection:
            assert await value(connection, "select current_setting('keyledger.organization_id')") == "org_a"


@pytest.mark.parametrize(
    "timeouts",
    [
        Timeouts(),
        MAINTENANCE_TIMEOUTS,
        GENEROUS_TIMEOUTS,
        Timeouts(lock=0.001, statement=3600, idle_in_transaction=86_400),
    ],
    ids=["default", "maintenance", "generous", "extreme"],
)
async def test_durations_are_compared_in_any_unit(database_url: str, timeouts: Timeouts) -> None:
    async with await connect(database_url, timeouts=timeouts) as connection:
        assert await value(connection, "select current_user") == "keyledger_app"


@pytest.mark.parametrize("role", ROLES)
async def test_no_role_connects_without_startup_parameters(stripped_url: str, role: Role | None) -> None:
    with pytest.raises(SettingsNotApplied, match="does not apply the settings") as refused:
        await connect(stripped_url, role=role)
    assert "statement_timeout is 0 instead of 5000" in str(refused.value)
    if role is not None:
        assert f"current_user is keyledger instead of {role}" in str(refused.value)
    else:
        assert "row_security is on instead of off" in str(refused.value)


@pytest.mark.parametrize("name", [*SETTINGS, "role", "search_path", "keyledger.organization_id"])
async def test_a_single_dropped_setting_is_refused(database_url: str, name: str) -> None:
    with stripping_proxy(database_url, name) as url:
        with pytest.raises(SettingsNotApplied) as refused:
            await connect(url, organization_id="org_a")
        (difference,) = refused.value.differences
        assert difference.startswith("current_user" if name == "role" else name)


async def test_settings_of_the_login_do_not_replace_those_of_the_connection(
    database_url: str, superuser: psycopg.AsyncConnection[tuple[object, ...]]
) -> None:
    """An operator may set them for the login. The connection's settings override those, and are missed if dropped."""
    login = sql.SQL("alter role keyledger in database {} set ").format(sql.Identifier(superuser.info.dbname))
    for words in ("search_path = nowhere", "statement_timeout = '1min'", "role = keyledger_worker"):
        await superuser.execute(login + sql.SQL(words))
    async with await connect(database_url) as connection:
        assert await value(connection, "select current_setting('search_path')") == "public"
    with stripping_proxy(database_url) as url:
        with pytest.raises(SettingsNotApplied, match="search_path is nowhere") as refused:
            await connect(url, role=WORKER_ROLE)
        assert "current_user" not in str(refused.value), "the login's role applies"
        assert "statement_timeout is 1min instead of 5000" in str(refused.value)


async def test_no_change_is_made_through_a_pool_without_settings(stripped_url: str, connections: Pool) -> None:
    organization_id = await seed.organization(connections)
    key_id, _ = await seed.key(connections, organization_id)
    async with pool(stripped_url) as stripped_pool:
        with pytest.raises(SettingsNotApplied, match="current_user is keyledger"):
            await execute(stripped_pool, renaming(organization_id, key_id, "New"), INLINE)
        with pytest.raises(SettingsNotApplied, match="current_user is keyledger"):
            async with read_transaction(stripped_pool, organization_id):
                pass


async def test_a_pool_recovers_when_the_settings_are_applied(
    stripped_url: str, owner: Connection, superuser: psycopg.AsyncConnection[tuple[object, ...]]
) -> None:
    async with pool(stripped_url, timeouts=Timeouts(acquire=1.0)) as stripped_pool:
        with pytest.raises(SettingsNotApplied):
            await stripped_pool.getconn()
        login = sql.SQL("alter role keyledger in database {} set ").format(sql.Identifier(superuser.info.dbname))
        for words in (
            "role = keyledger_app",
            "search_path = public",
            "timezone = 'UTC'",
            "statement_timeout = '5s'",
            "lock_timeout = '1500ms'",
            "idle_in_transaction_session_timeout = '5s'",
            "client_connection_check_interval = '500ms'",
        ):
            await superuser.execute(login + sql.SQL(words))

        async def serves() -> bool:
            with suppress(Unavailable, PoolTimeout):
                async with stripped_pool.connection() as connection:
                    return bool(await value(connection, "select current_user") == "keyledger_app")
            return False

        await eventually(serves)


async def test_no_use_is_recorded_through_a_connection_without_settings(
    stripped_url: str, connection: Connection
) -> None:
    async def record_uses(_: Pipeline, items: Sequence[str]) -> BatchResult[str]:
        return BatchResult(now(), [ItemResult(name, used(name, now())) for name in items])

    group = GroupCommit[str, str](
        lambda: open_pipeline(stripped_url), record_uses, "p", limits=BatchLimits(deadline_seconds=1.0)
    )
    async with group:
        with pytest.raises(Unavailable):
            await group.submit("key")
    assert await value(connection, "select count(*) from usage_batches") == 0


async def test_no_read_model_is_verified_through_a_connection_without_settings(stripped_url: str) -> None:
    with pytest.raises(SettingsNotApplied, match="row_security is on instead of off"):
        await verify(stripped_url, REBUILDABLE["usage"])


COMMANDS = (
    ("eventstore", "migrate"),
    ("eventstore", "check"),
    ("projections", "status"),
    ("projections", "catch-up"),
    ("projections", "rebuild", "usage"),
    ("workers", "retention", "--dry-run"),
    ("app", "admin", "list-organizations"),
)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_exits_with_the_reason(stripped_url: str, tmp_path: Path, words: Sequence[str]) -> None:
    environment = {
        "DATABASE_URL": stripped_url,
        "REDIS_URL": "unix:///nowhere",
        "KEYLEDGER_MASTER_KEY": base64.b64encode(bytes(32)).decode(),
        "KEYLEDGER_USAGE_EXPORT_DIR": str(tmp_path),
    }
    ended = run_program(*words, environment=environment)
    assert ended.returncode == 1, ended.stderr
    assert "does not apply the settings" in ended.stderr
    assert "Traceback" not in ended.stderr
