"""PostgreSQL itself keeps organizations apart: a statement without any condition shows those of one, or of none.

Every table that has a column `organization_id` is tried, those that come later too: its rows are made up here, so that
nothing has to be added for a new one.
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
from projections.read_models.keys.state.queries import by_digests
from tests import seed
from tests.eventstore.changes import rename, rows, value

pytestmark = pytest.mark.anyio

OURS, THEIRS = "org_ours", "org_theirs"

SHARED = {
    "schema_migrations": "which scripts were applied",
    "lane_heads": "how long each lane is",
    "checkpoints": "how far each read model has come",
    "stopped_lanes": "where a read model can not go on",
    "skipped_positions": "positions that a read model was told to leave out",
    "usage_batches": "sizes and times of batches, in each of which uses of many organizations lie",
    "usage_removals": "days of which the uses left the log, and the files that have them",
    "usage_removal_lanes": "which batches those days held",
    "mail_outbox": "sealed mails; the application writes them and reads none",
    "sign_in_links": "digests of links, before anyone knows whose they are",
    "sign_in_rates": "digests of what is counted before anyone has signed in",
    "sign_in_failures": "attempts of people who were let in nowhere; the application does not read them",
    "read_model_revisions": "with which revision of its derivation each read model was made",
    "webhook_attempt_totals": "how many attempts to reach webhooks ended how, of all organizations together",
}
"""Tables without a column `organization_id`, and what they hold instead. A new one needs a reason here."""

_ISOLATED = re.compile(rb"^call (?:fence|enable_tenant_isolation)\('(\w+)'\);$", re.MULTILINE)
_RENAMED = re.compile(rb"^alter table (\w+) rename to (\w+);$", re.MULTILINE)


def fenced() -> list[str]:
    """The tables that the scripts of the schema fence."""

    renamed = {old: new for script in scripts() for old, new in _RENAMED.findall(script.sql)}

    def names(script: Script) -> list[str]:
        return [renamed.get(name, name).decode() for name in _ISOLATED.findall(script.sql)]

    return sorted(name for script in scripts() for name in names(script))


everywhere = pytest.mark.parametrize("table", fenced())


@pytest.fixture(scope="module")
def url(postgres: PostgreSQL, migrated_template: str) -> Iterator[str]:
    """A database with one row of ours and one of theirs in every fenced table."""
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
        # The rows are made up: only what the policies look at has to be right.
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
            fenced(),
        ):
            statement = sql.SQL("alter table {} alter column {} drop not null")
            await owner.execute(statement.format(sql.Identifier(table), sql.Identifier(column)))
        for table in fenced():
            for number, organization_id in enumerate((OURS, THEIRS)):
                await owner.execute(await _insertion(owner, table, organization_id, number))


async def _insertion(owner: Connection, table: str, organization_id: str, number: int) -> sql.Composed:
    """A statement for a made-up row, which differs from that of another number wherever it may have to."""
    columns = await rows(
        owner,
        "select attname, format_type(atttypid, null) from pg_attribute "
        "where attrelid = %s::regclass and attnum > 0 and not attisdropped and attnotnull "
        "and attgenerated = '' and attidentity = '' and not atthasdef",
        table,
    )
    made_up: dict[str, object] = {
        "text": f"{organization_id}-{number}",
        "text[]": [f"{number}"],
        "smallint": number,
        "integer": number,
        "bigint": number,
        "bigint[]": [number],
        "bytea": b'{"made_up": "%s-%d"}' % (organization_id.encode(), number),
        "boolean": True,
        "date": now().date(),
        "timestamp with time zone": now(),
    }
    row = {column: made_up[kind] for column, kind in columns} | {"organization_id": organization_id}
    return sql.SQL("insert into {} ({}) values ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join(map(sql.Literal, row.values())),
    )


async def attempt(url: str, statement: sql.Composed, *, bound_to: str = "", role: Role = APP_ROLE) -> list[Any] | None:
    """The rows that a statement gives or touches; None where the role may not do that with the table at all."""
    async with await connect(url, role=role, organization_id=bound_to) as connection:
        try:
            return await (await connection.execute(statement)).fetchall()
        except psycopg.errors.InsufficientPrivilege:
            return None


def about(table: str, text: LiteralString) -> sql.Composed:
    return sql.SQL(text).format(table=sql.Identifier(table), ours=sql.Literal(OURS), theirs=sql.Literal(THEIRS))


async def test_every_table_of_organizations_is_fenced(url: str) -> None:
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
    assert found == [(table, True, [f"{own} / {own}"], 1) for table in fenced()]


async def test_a_table_without_organizations_has_a_reason(url: str) -> None:
    async with await connect(url, role=None) as owner:
        found = await rows(
            owner,
            "select relname::text from pg_class where relnamespace = 'public'::regnamespace "
            "and relkind in ('r', 'p', 'v', 'm', 'f') and not relispartition",
        )
    assert {name for (name,) in found} - set(fenced()) == set(SHARED)


async def test_a_partition_shows_nothing_by_its_own_name(url: str) -> None:
    async with await connect(url, role=None) as owner:
        ((name, is_fenced),) = await rows(
            owner, "select relname::text, relrowsecurity from pg_class where relname ~ '^usage_events_[0-9]+$'"
        )
    assert is_fenced
    for role in (APP_ROLE, AUTH_ROLE, WORKER_ROLE):
        assert await attempt(url, about(name, "select from {table}"), bound_to=OURS, role=role) is None


async def test_no_role_owns_a_table_or_is_above_the_policies(url: str) -> None:
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


@everywhere
async def test_a_bound_transaction_sees_its_own_rows_only(url: str, table: str) -> None:
    everything = about(table, "select organization_id from {table}")
    assert sorted(await attempt(url, everything, role=WORKER_ROLE) or []) == [(OURS,), (THEIRS,)]
    assert await attempt(url, everything, bound_to=OURS) in ([(OURS,)], None)
    assert await attempt(url, everything, bound_to=THEIRS) in ([(THEIRS,)], None)


@everywhere
async def test_an_unbound_transaction_sees_nothing(url: str, table: str) -> None:
    assert await attempt(url, about(table, "select organization_id from {table}")) in ([], None)


@everywhere
async def test_rows_of_others_are_neither_changed_nor_removed(url: str, table: str) -> None:
    for statement in (
        about(
            table, "update {table} set organization_id = organization_id where organization_id = {theirs} returning 1"
        ),
        about(table, "update {table} set organization_id = {ours} where organization_id = {theirs} returning 1"),
        about(table, "delete from {table} where organization_id = {theirs} returning 1"),
    ):
        assert await attempt(url, statement, bound_to=OURS) in ([], None)
        assert await attempt(url, statement) in ([], None)


@everywhere
async def test_nothing_is_given_to_others(url: str, table: str) -> None:
    """Neither a new row nor one of our own."""
    given = about(table, "update {table} set organization_id = {theirs} where organization_id = {ours} returning 1")
    assert await attempt(url, given, bound_to=OURS) is None
    async with await connect(url, role=None) as owner:
        insertion = await _insertion(owner, table, THEIRS, 7)
    async with await connect(url, organization_id=OURS) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute(insertion)
    async with await connect(url) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute(insertion)


async def test_the_gate_reads_what_credentials_are_decided_upon_and_no_more(url: str) -> None:
    readable = [t for t in fenced() if await attempt(url, about(t, "select from {table}"), role=AUTH_ROLE) is not None]
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


async def test_only_the_gate_writes_uses(url: str) -> None:
    async with await connect(url, role=None) as owner:
        insertion = await _insertion(owner, "usage_events", OURS, 8)
    for role in (APP_ROLE, WORKER_ROLE):
        async with await connect(url, role=role, organization_id=OURS) as connection:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied for table usage_events"):
                await connection.execute(insertion)


async def test_a_check_by_somebody_who_does_not_own_the_tables_fails(url: str) -> None:
    """It must not find an empty log sound."""
    async with await connect(url, role=None) as connection:
        await connection.execute("set role keyledger_app")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            await connection.execute("select from events")


async def test_the_policy_costs_the_look_up_of_keys_nothing(url: str) -> None:
    """Under the gate's policy the plan is the one that the owner has, whom no policy holds back."""
    plans: list[list[Any]] = []
    query, parameters = by_digests([b"a", b"b"])
    for role in (AUTH_ROLE, None):
        async with await connect(url, role=role) as connection:
            await connection.execute("set enable_seqscan = off")
            cursor = await connection.execute(b"explain (verbose, costs off) " + query, parameters)
            plans.append(await cursor.fetchall())
    assert plans[0] == plans[1]
    assert sum("Index Cond" in line for (line,) in plans[0]) == 3


@pytest.fixture
async def single(database_url: str) -> Any:  # noqa: ANN401 -- an async generator of a pool
    """A pool that has one connection, so that everyone gets the same."""
    async with pool(database_url, size_max=1) as connections:
        yield connections


async def _visible(connections: Pool) -> tuple[str | None, int]:
    async with connections.connection() as connection:
        bound_to = await value(connection, "select bound_organization()")
        return bound_to, await value(connection, "select count(*) from streams")


async def test_a_connection_goes_back_to_its_pool_bound_to_nobody(single: Pool) -> None:
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


async def test_also_after_a_failure(single: Pool) -> None:
    organization_id = await seed.organization(single)
    for opened in (read_transaction(single, organization_id), credential_lookup(single)):
        with pytest.raises(psycopg.errors.DivisionByZero):
            async with opened as connection:
                await connection.execute("select 1 / 0")
        assert await _visible(single) == (None, 0)


async def test_whoever_reads_does_not_write(single: Pool) -> None:
    organization_id = await seed.organization(single)
    async with read_transaction(single, organization_id) as connection:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await connection.execute("update organization_guard set members = 9")
