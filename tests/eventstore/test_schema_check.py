"""Whatever is not as the migrations make it is named by `check`, and `migrate` repairs what holds no data."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
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

pytestmark = pytest.mark.anyio

Superuser = psycopg.AsyncConnection[tuple[object, ...]]

DAY = "20260301"

REPAIRABLE: dict[str, tuple[LiteralString, str]] = {
    "a policy is gone": ("drop policy own_organization on events", "policy own_organization on events"),
    "a policy shows everything": (
        "alter policy own_organization on key_list using (true)",
        "policy own_organization on key_list",
    ),
    "a policy of another's": ("create policy open on key_state using (true)", "policy open on key_state"),
    "a grant is gone": ("revoke select on events from keyledger_app", "grant of select on events to keyledger_app"),
    "every grant is gone": (
        "revoke all on all tables in schema public from keyledger_gate",
        "grant of select on key_state to keyledger_gate",
    ),
    "a grant of a column is gone": (
        "revoke update (last_seen_at) on sessions from keyledger_gate",
        "grant of update (last_seen_at) on sessions to keyledger_gate",
    ),
    "a grant too many": ("grant delete on events to keyledger_worker", "grant of delete on events to keyledger_worker"),
    "a grant to everybody": ("grant select on users to public", "grant of select on users to public"),
    "a grant of a column to everybody": (
        "grant select (email) on users to public",
        "grant of select (email) on users to public",
    ),
    "the schema is closed": (
        "revoke usage on schema public from keyledger_gate",
        "grant of usage on schema public to keyledger_gate",
    ),
    "row-level security is off": (
        "alter table events disable row level security",
        "row-level security on events",
    ),
    "row-level security holds the owner back": (
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
    "a trigger is gone": (
        "drop trigger usage_batches_append_only on usage_batches",
        "trigger usage_batches_append_only on usage_batches",
    ),
    "a trigger is another": (
        "create or replace trigger events_append_only before insert on events execute function log_is_append_only()",
        "trigger events_append_only on events",
    ),
    "a function does nothing": (
        "create or replace function log_is_append_only() returns trigger language plpgsql as 'begin return new; end'",
        "function log_is_append_only()",
    ),
    "a function is gone": ("drop function usage_removals_hold()", "function usage_removals_hold()"),
    "a function runs as another": (
        "alter function usage_partition_ensure(date) security invoker",
        "function usage_partition_ensure(date)",
    ),
    "a function is everybody's": (
        "grant execute on function usage_day_remove to public",
        "grant of execute on usage_day_remove",
    ),
    "an index is gone": ("drop index key_list_by_name", "index key_list_by_name"),
    "a constraint is gone": (
        "alter table streams drop constraint streams_version_check",
        "constraint streams_version_check on streams",
    ),
    "a partition is detached": (
        "alter table usage_events detach partition usage_events_20260301",
        "partition usage_events_20260301",
    ),
    "a partition can be read by its own name": (
        "alter table usage_events_20260301 disable row level security",
        "row-level security on usage_events_20260301",
    ),
    "a partition is granted by its own name": (
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
    "roles are strangers": (
        "revoke keyledger_app from keyledger_worker granted by keyledger",
        "keyledger_worker is not a member",
    ),
}

ADDED: dict[str, tuple[LiteralString, str]] = {
    "a trigger of an operator's": (
        "create trigger more before insert on streams for each row execute function log_is_append_only()",
        "trigger more on streams",
    ),
    "a rule of an operator's": (
        "create rule swallow as on insert to idempotency_keys do instead nothing",
        "rule swallow on idempotency_keys",
    ),
}

HELD_BY_A_ROLE: dict[str, tuple[LiteralString, LiteralString, str]] = {
    "another role's rights": (
        "grant keyledger_worker to keyledger_gate",
        "revoke keyledger_worker from keyledger_gate",
        "role keyledger_gate is a member of keyledger_worker",
    ),
    "every table of the server": (
        "grant pg_read_all_data to keyledger_gate",
        "revoke pg_read_all_data from keyledger_gate",
        "role keyledger_gate is a member of pg_read_all_data",
    ),
    "the way past row-level security": (
        "alter role keyledger_app bypassrls",
        "alter role keyledger_app nobypassrls",
        "role keyledger_app may pass by grants",
    ),
    "a copy of the server": (
        "alter role keyledger_gate replication",
        "alter role keyledger_gate noreplication",
        "role keyledger_gate may pass by grants",
    ),
}
"""What a superuser can give to a role, the statement that takes it away again, and how it is named."""

BEYOND_REPAIR: dict[str, tuple[LiteralString, str]] = {
    "foreign keys are not looked at, which takes a superuser": (
        "alter table usage_removal_lanes disable trigger all",
        "disabled triggers of constraints on usage_removal_lanes",
    ),
    "a table is gone": ("drop table alert_notices", "table alert_notices is missing"),
    "a column is gone": ("alter table users drop column email cascade", "column users.email is missing"),
    "a column may be empty": (
        "alter table streams alter column kind drop not null",
        "column streams.kind is not what the migrations make",
    ),
}


@pytest.fixture
async def partitioned(database_url: str, owner: Connection) -> AsyncIterator[str]:
    """The address of a database with partitions of two days; the roles are those of all databases of the server."""
    for day in (DAY, "20260302"):
        await owner.execute("select usage_partition_ensure(%s::date)", (day,))
    yield database_url
    await owner.execute("grant keyledger_app to keyledger_worker")


async def differing(url: str) -> list[str]:
    async with await connect(url, role=None, timeouts=MAINTENANCE_TIMEOUTS) as connection:
        return [each.text for each in await schema_differences(connection, scripts())]


async def test_what_the_migrations_made_is_what_they_make(partitioned: str) -> None:
    assert await differing(partitioned) == []
    assert await repair(partitioned, scripts()) == []


@pytest.mark.parametrize("damage", REPAIRABLE)
async def test_what_differs_is_named_and_repaired(partitioned: str, superuser: Superuser, damage: str) -> None:
    words, name = REPAIRABLE[damage]
    await superuser.execute(words)
    assert [text for text in await differing(partitioned) if name in text], "it is named"
    assert [text for text in await repair(partitioned, scripts()) if name in text], "its repair is named"
    assert await differing(partitioned) == []


@pytest.mark.parametrize("added", ADDED)
async def test_a_trigger_or_rule_that_an_operator_added_is_named_and_left_alone(
    partitioned: str, superuser: Superuser, added: str
) -> None:
    words, name = ADDED[added]
    await superuser.execute(words)
    await superuser.execute("alter table streams disable row level security")
    said = await repair(partitioned, scripts())
    assert [text for text in said if text.startswith("repaired: row-level security on streams")]
    assert [text for text in said if text.startswith(f"left alone: {name}")]
    (text,) = await differing(partitioned)
    assert text.startswith(name), "it is still there"


@pytest.mark.parametrize("damage", BEYOND_REPAIR)
async def test_what_holds_data_is_named_and_left_alone(partitioned: str, superuser: Superuser, damage: str) -> None:
    words, name = BEYOND_REPAIR[damage]
    await superuser.execute(words)
    assert [text for text in await differing(partitioned) if name in text]
    with pytest.raises(SchemaDiffers, match=name):
        await repair(partitioned, scripts())


@pytest.mark.parametrize("held", HELD_BY_A_ROLE)
async def test_rights_that_a_role_was_given_are_named_and_a_superuser_takes_them_away(
    partitioned: str, superuser: Superuser, superuser_url: str, held: str
) -> None:
    given, taken, name = HELD_BY_A_ROLE[held]
    await superuser.execute(given)
    try:
        assert [text for text in await differing(partitioned) if name in text]
        with pytest.raises(SchemaDiffers, match=name):
            await repair(partitioned, scripts())
        assert [text for text in await repair(superuser_url, scripts()) if name in text]
        assert await differing(partitioned) == []
    finally:
        # Roles belong to the server, and other tests use it too.
        await superuser.execute(taken)


async def test_what_an_operator_adds_for_a_reader_of_their_own_is_left_alone(
    partitioned: str, superuser: Superuser
) -> None:
    await superuser.execute("create table reports (id int); create index reports_by_id on reports (id)")
    await superuser.execute("create index mine on key_list (name)")
    await superuser.execute("grant select on key_list to pg_monitor")
    assert await differing(partitioned) == []


async def test_the_look_leaves_nothing_behind(partitioned: str, owner: Connection) -> None:
    before = await value(owner, "select count(*) from pg_class")
    await differing(partitioned)
    assert await value(owner, "select count(*) from pg_class") == before
    assert await value(owner, "select count(*) from pg_namespace where nspname like 'keyledger%%'") == 0


async def test_where_nothing_can_be_written_the_rows_are_checked_and_the_rest_is_said_not_to_be(
    partitioned: str, superuser: Superuser
) -> None:
    name = sql.Identifier(superuser.info.dbname)
    await superuser.execute(sql.SQL("alter database {} set default_transaction_read_only = on").format(name))
    checked = await to_thread.run_sync(run_check, partitioned)
    assert checked.returncode == 0, checked.stdout
    assert "sound" in checked.stdout
    assert "not compared with the migrations" in checked.stdout


async def test_a_script_that_is_missing_is_named_instead(empty_database_url: str) -> None:
    await migrate(empty_database_url, scripts()[:-1])
    checked = await to_thread.run_sync(run_check, empty_database_url)
    assert checked.returncode == 1
    assert f"the database lacks {scripts()[-1].name}" in checked.stdout


def run_check(url: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "eventstore", "check"]
    environment = {**os.environ, "DATABASE_URL": url}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
