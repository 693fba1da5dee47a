"""Row-level security: a statement without any condition returns rows of one organization, or of none.

Every table with a column `organization_id` is tested, including future ones: this module generates the rows, so a new
table needs no addition here.
"""

import asyncio
import re
from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql

from embedded.postgres import PostgreSQL
from infrastructure.clock import now
from infrastructure.database.connections import APP_ROLE, AUTH_ROLE, WORKER_ROLE, Connection, Pool, Role, connect, pool
from infrastructure.database.migrate import Script
from infrastructure.database.tenant import credential_lookup, read_transaction, write_transaction
from projections.engine.schema import scripts
from projections.read_models.keys.state.queries import SQL
from tests import seed
from tests.eventstore.changes import rename, rows, value

pytestmark = pytest.mark.anyio

OURS, THEIRS = "org_ours", "org_theirs"

SHARED = {
    "schema_migrations": "which scripts were applied",
    "lane_heads": "the length of each lane",
    "checkpoints": "the progress of each read model",
    "stopped_lanes": "positions at which a read model cannot continue",
    "skipped_positions": "positions that an operator told a read model to skip",
    "usage_batches": "sizes and times of batches, each with uses of many organizations",
    "usage_removals": "days whose uses were removed from the log, and the files that contain them",
    "usage_removal_lanes": "the batches of those days",
    "sign_in_links": "digests of links, before the user is known",
    "sign_in_rates": "digests of what is counted before a user has signed in",
    "sign_in_failures": "refused sign-in attempts; the application does not read them",
    "read_model_revisions": "the revision of the code that built each read model",
    "webhook_attempt_totals": "results of webhook attempts, totals of all organizations",
}
"""Tables without a column `organization_id`, and their content. A new one needs a reason here."""

_ISOLATED = re.compile(rb"^call (?:fence|enable_tenant_isolation)\('(\w+)'\);$", re.MULTILINE)
_RENAMED = re.compile(rb"^alter table (\w+) rename to (\w+);$", re.MULTILINE)


def isolated() -> list[str]:
    """Return the tables that the scripts of the schema isolate."""

    renamed = {old: new for script in scripts() for old, new in _RENAMED.findall(script.sql)}

    def names(script: Script) -> list[str]:
        return [renamed.get(name, name).decode() for name in _ISOLATED.findall(script.sql)]

    return sorted(name for script in scripts() for name in names(script))


every_table = pytest.mark.parametrize("table", isolated())


@pytest.fixture(scope="module")
def url(postgres: PostgreSQL, migrated_template: str) -> Iterator[str]:
    """A database with one row of ours and one of theirs in every isolated table."""
    name = sql.Identifier("row_level_security")
    with psycopg.connect(postgres.url, autocommit=True) as owner:
        owner.execute(sql.SQL("create database {} template {}").format(name, sql.Identifier(migrated_template)))
    address = postgres.url_of("row_level_security")
    asyncio.run(_fill(address))
    yield address
    with psycopg.connect(postgres.url, autocommit=True) as owner:
        owner.execute(sql.SQL("drop database {} with (force)").format(name))


async def _fill(url: str) -> None:
    async with await connect(url, role=None) as owner:
        await owner.execute("select usage_partition_ensure(%s)", (now().date(),))
        # The rows are generated: only the columns that the policies use must be valid.
        for table, constraint in await rows(
            owner,
            "select conrelid::regclass::text, conname from pg_constraint "
            "where contype in ('c', 'f') and connamespace = 'public'::regnamespace and coninhcount = 0",
        ):
            statement = sql.SQL("alter table {} drop constraint {}")
            await owner.execute(statement.format(sql.Identifier(table), sql.Identifier(constraint)))
        for table, column in await rows(
            owner,
            "select attrelid::regclass::text, attname from pg_attribute "
            "where attrelid::regclass::text = any(%s) and attgenerated <> '' and attnotnull",
            isolated(),
        ):
            statement = sql.SQL("alter table {} alter column {} drop not null")
            await owner.execute(statement.format(sql.Identifier(table), sql.Identifier(column)))
        for table in isolated():
            for number, organization_id in enumerate((OURS, THEIRS)):
                await owner.execute(await _insertion(owner, table, organization_id, number))


async def _insertion(owner: Connection, table: str, organization_id: str, number: int) -> sql.Composed:
    """Return an insert of a generated row, which differs from those of other numbers wherever it may have to."""
    columns = await rows(
        owner,
        "select attname, format_type(atttypid, null) from pg_attribute "
        "where attrelid = %s::regclass and attnum > 0 and not attisdropped and attnotnull "
        "and attgenerated = '' and attidentity = '' and not atthasdef",
        table,
    )
    generated: dict[str, object] = {
        "text": f"{organization_id}-{number}",
        "text[]": [f"{number}"],
        "smallint": number,
        "integer": number,
        "bigint": number,
        "bigint[]": [number],
        "integer[]": [number],
        "bytea": b'{"generated": "%s-%d"}' % (organization_id.encode(), number),
        "boolean": True,
        "date": now().date(),
        "timestamp with time zone": now(),
    }
    row = {column: generated[kind] for column, kind in columns} | {"organization_id": organization_id}
    return sql.SQL("insert into {} ({}) values ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join(map(sql.Literal, row.values())),
    )


async def attempt(url: str, statement: sql.Composed, *, bound_to: str = "", role: Role = APP_ROLE) -> list[Any] | None:
    """Return the rows that a statement returns or changes, or None if the role lacks the privilege."""
    async with await connect(url, role=role, organization_id=bound_to) as connection:
        try:
            return await (await connection.execute(statement)).fetchall()
        except psycopg.errors.InsufficientPrivilege:
            return None


def statement_on(table: str, text: LiteralString) -> sql.Composed:
    return sql.SQL(text).format(table=sql.Identifier(table), ours=sql.Literal(OURS), theirs=sql.Literal(THEIRS))


async def test_every_table_of_organizations_is_isolated(url: str) -> None:
    """A new table with `organization_id` fails here until its schema calls `enable_tenant_isolation('its_name')`."""
    async with await connect(url, role=None) as owner:
        found = await rows(
            owner,
            """
            select c.relname::text, c.relrowsecurity,
                   array(select p.qual || ' / ' || p.with_check from pg_policies p
                         where p.tablename = c.relname and 'keyledger_app' = any(p.roles) and p.cmd = 'ALL'),
                   (select count(*) from pg_policies p
                    where p.tablename = c.relname and p.roles && '{keyledger_app,public}')
            from pg_class c
            where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
              and exists (select from pg_attribute where attrelid = c.oid and attname = 'organization_id')
            order by 1
            """,
        )
    own = "(organization_id = bound_organization())"
    assert found == [(table, True, [f"{own} / {own}"], 1) for table in isolated()]


async def test_every_table_without_organizations_has_a_reason(url: str) -> None:
    async with await connect(url, role=None) as owner:
        found = await rows(
            owner,
            "select relname::text from pg_class where relnamespace = 'public'::regnamespace "
            "and relkind in ('r', 'p', 'v', 'm', 'f') and not relispartition",
        )
    assert {name for (name,) in found} - set(isolated()) == set(SHARED)


async def test_a_partition_addressed_directly_returns_nothing(url: str) -> None:
    async with await connect(url, role=None) as owner:
        ((name, is_isolated),) = await rows(
            owner, "select relname::text, relrowsecurity from pg_class where relname ~ '^usage_events_[0-9]+$'"
        )
    assert is_isolated
    for role in (APP_ROLE, AUTH_ROLE, WORKER_ROLE):
        assert await attempt(url, statement_on(name, "select from {table}"), bound_to=OURS, role=role) is None


async def test_no_role_owns_a_table_or_bypasses_the_policies(url: str) -> None:
    async with await connect(url, role=None) as owner:
        found = await rows(
            owner,
            "select rolname::text, rolsuper or rolbypassrls or rolcreaterole, "
            "(select count(*) from pg_class where relowner = r.oid) from pg_roles r where rolname = any(%s) order by 1",
            [APP_ROLE, AUTH_ROLE, WORKER_ROLE],
        )
        assert found == [(role, False, 0) for role in (APP_ROLE, AUTH_ROLE, WORKER_ROLE)]
        assert not await value(owner, "select pg_has_role('keyledger_app', 'keyledger_worker', 'member')")
        assert not await value(owner, "select pg_has_role('keyledger_app', 'keyledger_gate', 'member')")


@every_table
async def test_a_bound_transaction_sees_only_its_own_rows(url: str, table: str) -> None:
    everything = statement_on(table, "select organization_id from {table}")
    assert sorted(await attempt(url, everything, role=WORKER_ROLE) or []) == [(OURS,), (THEIRS,)]
    assert await attempt(url, everything, bound_to=OURS) in ([(OURS,)], None)
    assert await attempt(url, everything, bound_to=THEIRS) in ([(THEIRS,)], None)


@every_table
async def test_an_unbound_transaction_sees_nothing(url: str, table: str) -> None:
    assert await attempt(url, statement_on(table, "select organization_id from {table}")) in ([], None)


@every_table
async def test_rows_of_other_organizations_cannot_be_changed_or_removed(url: str, table: str) -> None:
    for statement in (
        statement_on(
            table, "update {table} set organization_id = organization_id where organization_id = {theirs} returning 1"
        ),
        statement_on(table, "update {table} set organization_id = {ours} where organization_id = {theirs} returning 1"),
        statement_on(table, "delete from {table} where organization_id = {theirs} returning 1"),
    ):
        assert await attempt(url, statement, bound_to=OURS) in ([], None)
        assert await attempt(url, statement) in ([], None)


@every_table
async def test_rows_cannot_be_moved_to_or_created_in_another_organization(url: str, table: str) -> None:
    given = statement_on(
        table, "update {table} set organization_id = {theirs} where organization_id = {ours} returning 1"
    )
    assert await attempt(url, given, bound_to=OURS) is None
    async with await connect(url, role=None) as owner:
        insertion = await _insertion(owner, table, THEIRS, 7)
    async with await connect(url, organization_id=OURS) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute(insertion)
    async with await connect(url) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute(insertion)


async def test_the_auth_role_reads_only_the_tables_needed_for_decisions(url: str) -> None:
    readable = [
        t for t in isolated() if await attempt(url, statement_on(t, "select from {table}"), role=AUTH_ROLE) is not None
    ]
    assert readable == [
        "billed_uses",
        "invitation_list",
        "key_secrets",
        "key_state",
        "mcp_list",
        "member_list",
        "organization_guard",
        "sessions",
        "streams",
        "used_secrets",
        "users",
    ]


async def test_only_the_auth_role_writes_uses(url: str) -> None:
    async with await connect(url, role=None) as owner:
        insertion = await _insertion(owner, "usage_events", OURS, 8)
    for role in (APP_ROLE, WORKER_ROLE):
        async with await connect(url, role=role, organization_id=OURS) as connection:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied for table usage_events"):
                await connection.execute(insertion)


async def test_a_check_by_a_role_that_does_not_own_the_tables_fails(url: str) -> None:
    """Otherwise, an empty view of the log would count as sound."""
    async with await connect(url, role=None) as connection:
        await connection.execute("set role keyledger_app")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            await connection.execute("select from events")


async def test_the_policy_does_not_change_the_plan_of_the_key_lookup(url: str) -> None:
    """The plan under the policy of the auth role equals the plan of the owner, whom no policy restricts."""
    plans: list[list[Any]] = []
    query, parameters = SQL.by_digests, ([b"a", b"b"],)
    for role in (AUTH_ROLE, None):
        async with await connect(url, role=role) as connection:
            await connection.execute("set enable_seqscan = off")
            cursor = await connection.execute(b"explain (verbose, costs off) " + query, parameters)
            plans.append(await cursor.fetchall())
    assert plans[0] == plans[1]
    assert sum("Index Cond" in line for (line,) in plans[0]) == 3


@pytest.fixture
async def single(database_url: str) -> Any:  # noqa: ANN401 -- an async generator of a pool
    """A pool of one connection, so that every caller gets the same."""
    async with pool(database_url, size_max=1) as connections:
        yield connections


async def _visible(connections: Pool) -> tuple[str | None, int]:
    async with connections.connection() as connection:
        bound_to = await value(connection, "select bound_organization()")
        return bound_to, await value(connection, "select count(*) from streams")


async def test_a_connection_returns_to_its_pool_unbound(single: Pool) -> None:
    organization_id = await seed.organization(single)
    assert await _visible(single) == (None, 0)
    key_id, _ = await seed.key(single, organization_id)
    await rename(single, organization_id, key_id, "New name")
    for opened in (
        read_transaction(single, organization_id),
        write_transaction(single, organization_id),
        credential_lookup(single),
    ):
        async with opened as connection:
            assert await value(connection, "select count(*) from streams") == 2
        assert await _visible(single) == (None, 0)


async def test_a_connection_returns_to_its_pool_unbound_after_a_failure(single: Pool) -> None:
    organization_id = await seed.organization(single)
    for opened in (read_transaction(single, organization_id), credential_lookup(single)):
        with pytest.raises(psycopg.errors.DivisionByZero):
            async with opened as connection:
                await connection.execute("select 1 / 0")
        assert await _visible(single) == (None, 0)


async def test_a_read_transaction_cannot_write(single: Pool) -> None:
    organization_id = await seed.organization(single)
    async with read_transaction(single, organization_id) as connection:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await connection.execute("update organization_guard set members = 9")
