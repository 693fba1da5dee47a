"""The login of the service has the privileges that the service needs, and no others."""

from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from psycopg import sql

from embedded.postgres import ROLE, RUNTIME_ROLE, SUPERUSER, PostgreSQL
from infrastructure.database.connections import APP_ROLE, Connection, connect
from infrastructure.database.logins import ROLES, UnsafeLogin, ensure_runtime_login, owner_url
from tests.logins import runtime_url_of
from tests.waiting import GENEROUS_TIMEOUTS

pytestmark = pytest.mark.anyio

_REFUSED = (
    # Roles.
    f"set role {ROLE}",
    f"set role {SUPERUSER}",
    "set role pg_write_all_data",
    f"set session authorization {ROLE}",
    f"alter role {RUNTIME_ROLE} createrole",
    f"alter role {RUNTIME_ROLE} superuser",
    "create role another",
    f"grant {ROLE} to {RUNTIME_ROLE}",
    f"grant {APP_ROLE} to {RUNTIME_ROLE} with inherit true",
    # The server.
    "set session_replication_role = replica",
    "alter system set fsync = off",
    "alter database {database} set row_security = off",
    "drop database {database}",
    "create database another",
    "copy (select 1) to program 'true'",
    "copy (select 1) to '/tmp/keyledger-copied'",
    "select pg_read_file('postgresql.conf')",
    "select pg_reload_conf()",
    "select lo_import('/etc/passwd')",
    # The schema and its content.
    "create schema another",
    "create table public.another (one int)",
    "create temporary table another (one int)",
    "create function public.another() returns int language sql return 1",
    "create or replace function public.bound_organization() returns text language sql stable return 'org_of_others'",
    "alter function public.bound_organization() owner to current_user",
    "drop function public.bound_organization() cascade",
    "alter schema public rename to another",
    "call public.fence('public.events')",
    "call public.gate_reads('public.users')",
    "drop policy own_organization on public.events",
    "create policy everything on public.events using (true)",
    "update public.events set body = ''",
    "delete from public.events",
    "update public.usage_events set body = ''",
    "delete from public.usage_batches",
    "update public.schema_migrations set checksum = ''",
    "delete from public.schema_migrations",
    "insert into public.schema_migrations (name, checksum) values ('another', '')",
)

_REFUSED_OF_EACH_TABLE = (
    "alter table {table} disable trigger all",
    "alter table {table} disable row level security",
    "alter table {table} no force row level security",
    "alter table {table} add column another int",
    "alter table {table} owner to current_user",
    "alter table {table} set schema pg_temp",
    "truncate {table}",
    "drop table {table}",
    "create trigger another before insert on {table} for each row execute function public.log_is_append_only()",
    "create index on {table} ((1))",
)


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Connection]:
    async with await connect(database_url, role=None, timeouts=GENEROUS_TIMEOUTS) as opened:
        await ensure_runtime_login(opened, runtime_url_of(database_url))
        yield opened


@pytest.fixture
def runtime(database_url: str, owner: Connection) -> Iterator[psycopg.Connection]:
    """A plain connection, as an attacker with the service's URL would open it."""
    assert owner
    with psycopg.connect(runtime_url_of(database_url), autocommit=True) as opened:
        yield opened


def _tables(connection: psycopg.Connection) -> list[str]:
    rows = connection.execute(
        "select oid::regclass::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
    ).fetchall()
    return [str(row[0]) for row in rows]


def _is_refused(connection: psycopg.Connection, statement: str) -> bool:
    try:
        connection.execute(statement.encode())
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.RaiseException):
        return True
    except psycopg.errors.InvalidTableDefinition:
        return False
    return False


@pytest.mark.parametrize("role", ["none", *ROLES])
async def test_the_login_can_change_neither_server_nor_schema_nor_log_in_any_role(
    runtime: psycopg.Connection, role: str
) -> None:
    database = runtime.info.dbname
    statements = [statement.replace("{database}", database) for statement in _REFUSED]
    statements += [
        statement.replace("{table}", table) for table in _tables(runtime) for statement in _REFUSED_OF_EACH_TABLE
    ]
    allowed: list[str] = []
    for statement in statements:
        runtime.execute(sql.SQL("set role {}").format(sql.Identifier(role)) if role != "none" else "set role none")
        if not _is_refused(runtime, statement):
            allowed.append(statement)
    assert allowed == []
    assert len(statements) > 500


async def test_the_login_can_read_and_write_nothing_before_it_sets_a_role(runtime: psycopg.Connection) -> None:
    for table in _tables(runtime):
        assert _is_refused(runtime, f"select from {table} limit 1"), table
        assert _is_refused(runtime, f"insert into {table} default values"), table


async def test_the_login_can_set_only_its_three_roles(runtime: psycopg.Connection) -> None:
    names = [row[0] for row in runtime.execute("select rolname from pg_roles").fetchall()]
    assumed: set[str] = set()
    for name in names:
        runtime.execute("set role none")
        if not _is_refused(runtime, f'set role "{name}"'):
            assumed.add(str(name))
    assert assumed == {RUNTIME_ROLE, *ROLES}


async def test_partitions_and_removals_are_available_through_functions(runtime: psycopg.Connection) -> None:
    runtime.execute("set role keyledger_worker")
    runtime.execute("select usage_partition_ensure(now()::date)")
    with pytest.raises(psycopg.errors.Error, match="of the current month") as caught:
        runtime.execute(
            "select usage_day_remove(now()::date, array[]::smallint[], array[]::bigint[], array[]::bytea[],"
            " array[]::text[], null, null, now())"
        )
    assert caught.value.sqlstate == "KL003"


async def test_the_owner_can_recreate_the_login_with_another_password(owner: Connection, database_url: str) -> None:
    for password in ("first", "second"):
        url = f"{runtime_url_of(database_url)}&password={password}"
        assert await ensure_runtime_login(owner, url) == RUNTIME_ROLE
    cursor = await owner.execute(b"select rolcanlogin, rolinherit from pg_roles where rolname = %s", (RUNTIME_ROLE,))
    assert await cursor.fetchone() == (True, False)


async def test_the_login_of_the_owner_is_unchanged(owner: Connection, database_url: str) -> None:
    assert await ensure_runtime_login(owner, database_url) is None


@pytest.mark.parametrize(
    ("grant", "message"),
    [
        ("alter role {login} createrole", "may create roles"),
        ("alter role {login} superuser", "is a superuser"),
        ("alter role {login} bypassrls", "bypasses row-level security"),
        ("grant pg_read_all_data to {login}", "is a member of pg_read_all_data"),
        ("create table public.theirs (); alter table public.theirs owner to {login}", "owns theirs"),
        ("grant create on schema public to {login}", "may create in the schema public"),
    ],
)
async def test_a_login_with_more_privileges_is_refused(
    postgres: PostgreSQL, owner: Connection, database_url: str, grant: str, message: str
) -> None:
    login = "too_much"
    superuser = postgres.url_of(owner.info.dbname, SUPERUSER)
    with psycopg.connect(superuser, autocommit=True) as connection:
        try:
            connection.execute(f"create role {login} login".encode())
            connection.execute(f"grant {login} to {ROLE} with admin true, inherit false, set false".encode())
            connection.execute(grant.replace("{login}", login).encode())
            with pytest.raises(UnsafeLogin, match=message):
                await ensure_runtime_login(owner, database_url.replace(f"//{ROLE}@", f"//{login}@"))
        finally:
            connection.execute(f"drop owned by {login} cascade".encode())
            connection.execute(f"drop role {login}".encode())


async def test_the_owner_url_takes_precedence_over_the_service_url() -> None:
    both = {"DATABASE_URL": "postgresql://service@", "KEYLEDGER_MIGRATION_DATABASE_URL": "postgresql://owner@"}
    assert owner_url(both) == ("KEYLEDGER_MIGRATION_DATABASE_URL", "postgresql://owner@")
    assert owner_url({"DATABASE_URL": "postgresql://both@"}) == ("DATABASE_URL", "postgresql://both@")
    assert owner_url({}) == ("DATABASE_URL", "")
