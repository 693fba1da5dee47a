"""`check` reports every difference from the migrations, and `migrate` repairs those that involve no data."""

import subprocess
from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from typing import LiteralString

import psycopg
import pytest
from anyio import to_thread
from psycopg import sql

from infrastructure.database.connections import MAINTENANCE_TIMEOUTS, Connection, connect
from infrastructure.database.migrate import migrate
from infrastructure.database.schema_check import SchemaDiffers, repair, schema_differences
from projections.engine.schema import scripts
from tests.eventstore.changes import value
from tests.programs import run_program

pytestmark = pytest.mark.anyio

Superuser = psycopg.AsyncConnection[tuple[object, ...]]

DAY = "20260301"

REPAIRABLE: dict[str, tuple[LiteralString, str]] = {
    "a policy is missing": ("drop policy own_organization on events", "policy own_organization on events"),
    "a policy shows everything": (
        "alter policy own_organization on key_list using (true)",
        "policy own_organization on key_list",
    ),
    "an extra policy": ("create policy open on key_state using (true)", "policy open on key_state"),
    "a grant is missing": ("revoke select on events from keyledger_app", "grant of select on events to keyledger_app"),
    "every grant is missing": (
        "revoke all on all tables in schema public from keyledger_gate",
        "grant of select on key_state to keyledger_gate",
    ),
    "a column grant is missing": (
        "revoke update (last_seen_at) on sessions from keyledger_gate",
        "grant of update (last_seen_at) on sessions to keyledger_gate",
    ),
    "an extra grant": ("grant delete on events to keyledger_worker", "grant of delete on events to keyledger_worker"),
    "a grant to public": ("grant select on users to public", "grant of select on users to public"),
    "a column grant to public": (
        "grant select (email) on users to public",
        "grant of select (email) on users to public",
    ),
    "usage of the schema is revoked": (
        "revoke usage on schema public from keyledger_gate",
        "grant of usage on schema public to keyledger_gate",
    ),
    "row-level security is off": (
        "alter table events disable row level security",
        "row-level security on events",
    ),
    "row-level security applies to the owner": (
        "alter table streams force row level security",
        "row-level security for the owner of streams",
    ),
    "a trigger is disabled": (
        "alter table events disable trigger events_append_only",
        "enabled trigger events_append_only on events",
    ),
    "a trigger fires for replicas only": (
        "alter table events enable replica trigger events_never_truncated",
        "enabled trigger events_never_truncated on events",
    ),
    "a trigger is missing": (
        "drop trigger usage_batches_append_only on usage_batches",
        "trigger usage_batches_append_only on usage_batches",
    ),
    "a trigger differs": (
        "create or replace trigger events_append_only before insert on events execute function log_is_append_only()",
        "trigger events_append_only on events",
    ),
    "a function does nothing": (
        "create or replace function log_is_append_only() returns trigger language plpgsql as 'begin return new; end'",
        "function log_is_append_only()",
    ),
    "a function is missing": ("drop function usage_removals_hold()", "function usage_removals_hold()"),
    "a function runs as its caller": (
        "alter function usage_partition_ensure(date) security invoker",
        "function usage_partition_ensure(date)",
    ),
    "a function is granted to public": (
        "grant execute on function usage_day_remove to public",
        "grant of execute on usage_day_remove",
    ),
    "an index is missing": ("drop index key_list_by_name", "index key_list_by_name"),
    "a constraint is missing": (
        "alter table streams drop constraint streams_version_check",
        "constraint streams_version_check on streams",
    ),
    "a partition is detached": (
        "alter table usage_events detach partition usage_events_20260301",
        "partition usage_events_20260301",
    ),
    "a partition can be read directly": (
        "alter table usage_events_20260301 disable row level security",
        "row-level security on usage_events_20260301",
    ),
    "a partition is granted directly": (
        "grant select on usage_events_20260301 to keyledger_app",
        "grant of select on usage_events_20260301 to keyledger_app",
    ),
    "a partition can be truncated": (
        "drop trigger never_truncated on usage_events_20260301",
        "trigger never_truncated on usage_events_20260301",
    ),
    "a partition can be changed": (
        "alter table usage_events_20260301 disable trigger usage_events_append_only",
        "enabled trigger usage_events_append_only on usage_events_20260301",
    ),
    "a membership is missing": (
        "revoke keyledger_app from keyledger_worker granted by keyledger",
        "keyledger_worker is not a member",
    ),
}

WIDE = {"every grant is missing", "usage of the schema is revoked", "a partition is detached", "a trigger differs"}
"""Damages that hide others."""

ADDED: dict[str, tuple[LiteralString, str]] = {
    "an operator's trigger": (
        "create trigger more before insert on streams for each row execute function log_is_append_only()",
        "trigger more on streams",
    ),
    "an operator's rule": (
        "create rule swallow as on insert to idempotency_keys do instead nothing",
        "rule swallow on idempotency_keys",
    ),
}

ROLE_PRIVILEGES: dict[str, tuple[LiteralString, LiteralString, str]] = {
    "membership in another role": (
        "grant keyledger_worker to keyledger_gate",
        "revoke keyledger_worker from keyledger_gate",
        "role keyledger_gate is a member of keyledger_worker",
    ),
    "access to every table of the server": (
        "grant pg_read_all_data to keyledger_gate",
        "revoke pg_read_all_data from keyledger_gate",
        "role keyledger_gate is a member of pg_read_all_data",
    ),
    "bypassing row-level security": (
        "alter role keyledger_app bypassrls",
        "alter role keyledger_app nobypassrls",
        "role keyledger_app may pass by grants",
    ),
    "replication of the server": (
        "alter role keyledger_gate replication",
        "alter role keyledger_gate noreplication",
        "role keyledger_gate may pass by grants",
    ),
}
"""Privileges that a superuser can grant to a role: the grant, its revocation and the reported name."""

BEYOND_REPAIR: dict[str, tuple[LiteralString, str]] = {
    "disabled foreign keys, which only a superuser can enable": (
        "alter table usage_removal_lanes disable trigger all",
        "disabled triggers of constraints on usage_removal_lanes",
    ),
    "a table is missing": ("drop table alert_notices", "table alert_notices is missing"),
    "a column is missing": ("alter table users drop column email cascade", "column users.email is missing"),
    "a column is nullable": (
        "alter table streams alter column kind drop not null",
        "column streams.kind is not what the migrations make",
    ),
}


@pytest.fixture
async def partitioned(database_url: str, owner: Connection) -> AsyncIterator[str]:
    """The URL of a database with partitions of two days; the roles are those of every database of the server."""
    for day in (DAY, "20260302"):
        await owner.execute("select usage_partition_ensure(%s::date)", (day,))
    yield database_url
    await owner.execute("grant keyledger_app to keyledger_worker")


async def differing(url: str) -> list[str]:
    async with await connect(url, role=None, timeouts=MAINTENANCE_TIMEOUTS) as connection:
        return [each.text for each in await schema_differences(connection, scripts())]


async def test_a_migrated_schema_has_no_differences(partitioned: str) -> None:
    assert await differing(partitioned) == []
    assert await repair(partitioned, scripts()) == []


@pytest.mark.parametrize("together", [REPAIRABLE.keys() - WIDE, WIDE], ids=["narrow", "wide"])
async def test_every_difference_is_reported_and_repaired(
    partitioned: str, superuser: Superuser, together: AbstractSet[str], subtests: pytest.Subtests
) -> None:
    damages = {damage: each for damage, each in REPAIRABLE.items() if damage in together}
    for statement, _ in damages.values():
        await superuser.execute(statement)
    reported, repaired = await differing(partitioned), await repair(partitioned, scripts())
    for damage, (_, name) in damages.items():
        with subtests.test(damage):
            assert [text for text in reported if name in text], "the difference is reported"
            assert [text for text in repaired if name in text], "the repair is reported"
    assert await differing(partitioned) == []


@pytest.mark.parametrize("added", ADDED)
async def test_a_trigger_or_rule_added_by_an_operator_is_reported_and_unchanged(
    partitioned: str, superuser: Superuser, added: str
) -> None:
    statement, name = ADDED[added]
    await superuser.execute(statement)
    await superuser.execute("alter table streams disable row level security")
    messages = await repair(partitioned, scripts())
    assert [text for text in messages if text.startswith("repaired: row-level security on streams")]
    assert [text for text in messages if text.startswith(f"left alone: {name}")]
    (text,) = await differing(partitioned)
    assert text.startswith(name), "the addition is unchanged"


@pytest.mark.parametrize("damage", BEYOND_REPAIR)
async def test_a_difference_that_involves_data_is_reported_and_unchanged(
    partitioned: str, superuser: Superuser, damage: str
) -> None:
    statement, name = BEYOND_REPAIR[damage]
    await superuser.execute(statement)
    assert [text for text in await differing(partitioned) if name in text]
    with pytest.raises(SchemaDiffers, match=name):
        await repair(partitioned, scripts())


@pytest.mark.parametrize("privilege", ROLE_PRIVILEGES)
async def test_extra_privileges_of_a_role_are_reported_and_a_superuser_revokes_them(
    partitioned: str, superuser: Superuser, superuser_url: str, privilege: str
) -> None:
    grant, revoke, name = ROLE_PRIVILEGES[privilege]
    await superuser.execute(grant)
    try:
        assert [text for text in await differing(partitioned) if name in text]
        with pytest.raises(SchemaDiffers, match=name):
            await repair(partitioned, scripts())
        assert [text for text in await repair(superuser_url, scripts()) if name in text]
        assert await differing(partitioned) == []
    finally:
        # Roles belong to the server, and other tests use the same server.
        await superuser.execute(revoke)


async def test_objects_that_an_operator_adds_for_reading_are_ignored(partitioned: str, superuser: Superuser) -> None:
    await superuser.execute("create table reports (id int); create index reports_by_id on reports (id)")
    await superuser.execute("create index mine on key_list (name)")
    await superuser.execute("grant select on key_list to pg_monitor")
    assert await differing(partitioned) == []


async def test_the_comparison_leaves_nothing_behind(partitioned: str, owner: Connection) -> None:
    before = await value(owner, "select count(*) from pg_class")
    await differing(partitioned)
    assert await value(owner, "select count(*) from pg_class") == before
    assert await value(owner, "select count(*) from pg_namespace where nspname like 'keyledger%%'") == 0


async def test_a_read_only_database_is_checked_without_comparing_the_schema(
    partitioned: str, superuser: Superuser
) -> None:
    name = sql.Identifier(superuser.info.dbname)
    await superuser.execute(sql.SQL("alter database {} set default_transaction_read_only = on").format(name))
    checked = await to_thread.run_sync(run_check, partitioned)
    assert checked.returncode == 0, checked.stdout
    assert "sound" in checked.stdout
    assert "not compared with the migrations" in checked.stdout


async def test_a_missing_script_is_reported_instead_of_differences(empty_database_url: str) -> None:
    await migrate(empty_database_url, scripts()[:-1])
    checked = await to_thread.run_sync(run_check, empty_database_url)
    assert checked.returncode == 1
    assert f"the database lacks {scripts()[-1].name}" in checked.stdout


def run_check(url: str) -> "subprocess.CompletedProcess[str]":
    return run_program("eventstore", "check", environment={"DATABASE_URL": url})
