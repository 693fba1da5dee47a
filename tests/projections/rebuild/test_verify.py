"""Invariant I6: a live read model equals a rebuild from the log. `verify` proves it."""

import asyncio
import re
from typing import LiteralString

import pytest
from psycopg import sql

from eventstore.check import check
from infrastructure.database.connections import Connection, Pool
from projections.engine.rebuild.rebuild import rebuild, verify
from projections.engine.rebuild.versions import (
    advance,
    compare_with_live,
    exclusive_connection,
    live_positions,
    temporary_version,
)
from projections.engine.runner import run_projection
from projections.engine.schema import PROJECTIONS
from projections.read_models.keys.last_used.follow import KEY_RECENCY
from projections.registry import ASYNC_PROJECTIONS, INLINE_CHECKS, READ_MODELS, REBUILDABLE, USAGE_CHECKS
from tests.programs import run_program
from tests.projections.rebuild.history import change, use

pytestmark = pytest.mark.anyio

DAMAGES: dict[str, tuple[LiteralString, str]] = {
    "usage": ("update key_usage set total_requests = total_requests + 1", "key_usage"),
    "organization_usage_hours": (
        "update organization_usage_hours set latencies = '{null,1}' where mcp_id = 'mcp_a'",
        "organization_usage_hours",
    ),
    "organization_batches": ("update organization_batches set ordinals = '{100}'", "organization_batches"),
    "key_state": ("update key_state set version = version + 1", "key_state"),
    "key_list": ("delete from key_terms", "key_terms"),
    "key_recency": (
        "update key_recency set last_used = last_used - interval '1 second' where last_used > '2000-01-01'",
        "key_recency",
    ),
    "mcp_list": (
        """
        insert into mcp_list (
            mcp_id, organization_id, name, description, endpoint_url, environment, auth_type, status, created_at,
            updated_at, revision
        ) values ('mcp_x', 'org_x', '', '', '', 'live', 'none', 'active', now(), now(), 1)
        """,
        "mcp_list",
    ),
    "member_list": (
        "insert into member_list (user_id, organization_id, role, added_at) values ('user_x', 'org_x', 'owner', now())",
        "member_list",
    ),
    "organization_guard": ("update organization_guard set keys_active = keys_active + 1", "organization_guard"),
    "organization_list": ("update organization_list set name = 'Another'", "organization_list"),
    "key_lineage": ("update key_lineage set created_by = 'user_x'", "key_lineage"),
    "invitation_list": ("update invitation_list set status = 'accepted' where status = 'open'", "invitation_list"),
    "mail_preferences": ("delete from mail_preferences", "mail_preferences"),
    "expiry_watch": ("update expiry_watch set due_at = due_at - interval '1 day'", "expiry_watch"),
    "anomaly_watch": ("update key_hours set requests = requests + 1", "key_hours"),
    "webhook_list": ("update webhook_list set events = '{api_key.created}'", "webhook_list"),
    "alert_list": ("update alert_list set severity = 'info' where severity = 'critical'", "alert_list"),
}
"""Damage to each read model, and the table in which it is found."""


NOT_COMPARED = {
    "key_recency": {"last_used"},
    "expiry_watch": {"organization_id", "due_at"},
    "mcp_health": {"checked_at", "failing_since", "tools", "listed_at", "parameter_headers"},
}
"""Columns that `eventstore check` omits: they follow from the usage log, from alerts or from observations."""


@pytest.fixture
async def filled(connections: Pool, connection: Connection) -> None:
    await use(connection, await change(connections, 1), 1)
    for follower in ASYNC_PROJECTIONS:
        assert (await run_projection(connection, follower, 60)).stopped == {}


async def _schemas(connection: Connection) -> list[str]:
    cursor = await connection.execute(
        b"select nspname from pg_namespace where nspname !~ '^(pg_|information_schema|public)'"
    )
    return [row[0] for row in await cursor.fetchall()]


def test_damage_is_defined_for_every_read_model() -> None:
    assert set(DAMAGES) == set(REBUILDABLE)


def test_every_table_of_a_read_model_is_derived_or_listed_with_a_reason() -> None:
    """`verify` compares only derived tables; an unlisted table could differ unnoticed."""
    texts = {path: path.read_text(encoding="utf-8") for path in PROJECTIONS.rglob("schema*.sql")}
    renamed = dict(
        pair
        for text in texts.values()
        for pair in re.findall(r"^alter table (\w+) rename to (\w+);$", text, re.MULTILINE)
    )
    created = {
        (path.parent.relative_to(PROJECTIONS).as_posix(), renamed.get(name, name))
        for path, text in texts.items()
        for name in re.findall(r"^create (?:unlogged )?table (\w+)", text, re.MULTILINE)
    }
    declared = [(model.folder, name) for model in READ_MODELS for name in (*model.tables, *model.underivable)]
    assert len(declared) == len(set(declared))
    assert set(declared) == created
    assert all(reason for model in READ_MODELS for reason in model.underivable.values())
    assert {name for model in READ_MODELS for name in model.side_tables} <= {
        name for model in READ_MODELS for name in model.underivable
    }


def test_the_lock_order_contains_every_folder_with_a_schema_once() -> None:
    folders = [model.folder for model in READ_MODELS]
    assert sorted(folders) == sorted(
        {path.parent.relative_to(PROJECTIONS).as_posix() for path in PROJECTIONS.rglob("schema*.sql")}
    )
    assert len({model.name for model in READ_MODELS}) == len(READ_MODELS)


def test_every_projection_has_the_name_of_its_read_model() -> None:
    """The checkpoints are found by this name."""
    for model in READ_MODELS:
        assert model.projection is None or model.projection.name == model.name


def test_every_inline_read_model_is_derived_or_a_listed_exception() -> None:
    inline = {model.folder for model in READ_MODELS if model.inline}
    derived = {model.folder for model in REBUILDABLE.values()}
    assert inline - derived == {"read_models/mcps/health", "records/sessions", "outboxes/webhooks"}


def test_the_check_compares_every_derived_table_of_an_inline_read_model() -> None:
    for model in REBUILDABLE.values():
        if model.inline:
            checked = {rows.table for rows in model.rows} | {table for rule in model.rules for table in rule.tables}
            assert set(model.tables) <= checked, model.name


async def test_the_columns_of_a_check_exist(owner: Connection) -> None:
    query = b"select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and attgenerated = ''"
    for model in READ_MODELS:
        for rows in model.rows:
            cursor = await owner.execute(query, (rows.table,))
            columns = {row[0] for row in await cursor.fetchall()}
            omitted = columns - set(rows.columns)
            assert set(rows.columns) <= columns, rows.table
            assert omitted == NOT_COMPARED.get(rows.table, set()), rows.table


async def test_a_rebuild_changes_nothing_outside_its_tables(filled: None, owner: Connection, database_url: str) -> None:
    """Removing a member deletes their address; a replay must not delete the current address of another member."""
    query = b"""
        select 'user', user_id, xmin::text, folded from users
        union all select 'invitation', invitation_id, xmin::text, folded from invitation_addresses order by 1, 2
    """
    await owner.execute(b"update users set folded = email where folded is null")
    before = await (await owner.execute(query)).fetchall()
    assert before
    for name in ("member_list", "invitation_list"):
        assert (await verify(database_url, REBUILDABLE[name])).equal
        await rebuild(database_url, REBUILDABLE[name])
    assert await (await owner.execute(query)).fetchall() == before


async def test_the_expiry_watch_follows_from_keys_and_alerts(
    filled: None, connection: Connection, database_url: str
) -> None:
    """Two organizations with three such keys each: one is due at 7 days, one at 30, and one no longer."""
    cursor = await connection.execute(b"select extract(day from expires_at - due_at)::int from expiry_watch order by 1")
    assert [row[0] for row in await cursor.fetchall()] == [7, 7, 30, 30]
    compared = await verify(database_url, REBUILDABLE["expiry_watch"])
    assert (compared.differences, compared.rows) == (0, 4)


async def test_every_read_model_equals_its_derivation_from_the_log(
    filled: None, connection: Connection, database_url: str
) -> None:
    for model in REBUILDABLE.values():
        compared = await verify(database_url, model)
        assert (compared.first, compared.differences) == (None, 0), model.name
        assert compared.rows, model.name
    assert await _schemas(connection) == []


async def test_a_row_that_differs_is_reported(filled: None, owner: Connection, database_url: str) -> None:
    for name, (statement, table) in DAMAGES.items():
        await owner.execute(sql.SQL(statement))
        compared = await verify(database_url, REBUILDABLE[name])
        assert compared.differences >= 1, name
        assert compared.first is not None, name
        assert str(compared.first).startswith(f"{table} ("), name


async def test_concurrent_writes_are_not_differences(
    filled: None, connections: Pool, connection: Connection, database_url: str
) -> None:
    stop = asyncio.Event()

    async def write() -> None:
        number = 2
        while not stop.is_set():
            await use(connection, await change(connections, number, keys=1), number, batches=2)
            for follower in ASYNC_PROJECTIONS:
                await run_projection(connection, follower, 10)
            number += 1

    writing = asyncio.create_task(write())
    try:
        for name in ("usage", "key_state", "organization_guard", "key_recency"):
            compared = await verify(database_url, REBUILDABLE[name])
            assert (compared.first, compared.differences) == (None, 0), name
    finally:
        stop.set()
        await writing


async def test_a_use_of_a_key_created_during_the_rebuild_is_not_lost(
    connections: Pool, connection: Connection, owner: Connection, database_url: str
) -> None:
    """Create and use a key, and apply its use, between the reads of the positions of the two logs."""
    model = REBUILDABLE["key_recency"]
    async with (
        exclusive_connection(database_url, model) as builder,
        temporary_version(builder, model) as version,
    ):
        await builder.execute(b"set lock_timeout = '30s'")
        async with owner.transaction():
            await owner.execute(b"lock table checkpoints in access exclusive mode")
            pending = asyncio.create_task(live_positions(builder, model))
            await _until_lock_is_requested(connection)
            await use(connection, await change(connections, 1, keys=1), 1, batches=2)
            assert (await run_projection(owner, KEY_RECENCY, 60)).applied == 2
        await advance(builder, version, await pending)
        compared = await compare_with_live(builder, database_url, model, version)
        assert (compared.first, compared.differences, compared.rows) == (None, 0, 8)


async def _until_lock_is_requested(connection: Connection) -> None:
    """Wait until a transaction waits for the lock of the checkpoints."""
    async with asyncio.timeout(30):
        query = b"select from pg_locks where relation = 'checkpoints'::regclass and not granted"
        while (await connection.execute(query)).rowcount == 0:  # noqa: ASYNC110 -- a lock has no event to wait for
            await asyncio.sleep(0.01)


async def test_a_read_model_that_lags_is_compared_up_to_its_position(
    filled: None, connection: Connection, database_url: str
) -> None:
    await use(connection, ["key_late"], 9)
    assert (await verify(database_url, REBUILDABLE["usage"])).equal


async def test_the_command_reports_a_difference_and_exits_with_1(
    filled: None, owner: Connection, database_url: str
) -> None:
    def run(*arguments: str) -> tuple[int, list[str]]:
        result = run_program("projections", *arguments, environment={"DATABASE_URL": database_url})
        return result.returncode, result.stdout.splitlines()

    code, lines = run("verify")
    assert (code, len(lines)) == (0, len(REBUILDABLE))
    assert all(line.endswith("as they follow from the log") for line in lines)
    await owner.execute(
        b"update key_usage set last_used = '2001-01-01' where key_id = (select min(key_id) from key_usage)"
    )
    code, (line,) = run("verify", "usage")
    assert code == 1
    assert "1 of " in line
    assert "last_used is '2001-01-01 00:00:00+00'" in line


async def test_verify_detects_what_the_check_detects(filled: None, owner: Connection, database_url: str) -> None:
    await owner.execute(b"delete from key_state where key_id = (select min(key_id) from key_state)")
    compared = await verify(database_url, REBUILDABLE["key_state"])
    assert (compared.differences, str(compared.first).endswith("missing from the live version")) == (1, True)
    assert any(line.startswith("I4 key_state") for line in (await check(owner, INLINE_CHECKS, USAGE_CHECKS)).violations)
