"""Immutability of the log: neither the application nor the owner of the tables can change or remove stored events."""

from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from eventstore.usage_batch import Batch
from infrastructure.clock import now
from infrastructure.database.connections import Connection, Pool, connect
from tests import seed
from tests.eventstore.changes import value
from tests.eventstore.pipelines import append
from tests.projections.usage.uses import used

pytestmark = pytest.mark.anyio

TABLES: dict[str, tuple[LiteralString, LiteralString, LiteralString]] = {
    "events": ("update events set body = 'x'", "delete from events", "truncate events"),
    "usage_batches": ("update usage_batches set size = 9", "delete from usage_batches", "truncate usage_batches"),
    "usage_events": ("update usage_events set code = 'x'", "delete from usage_events", "truncate usage_events"),
}
STATEMENTS = [statement for statements in TABLES.values() for statement in statements]


@pytest.fixture
async def written(connections: Pool, connection: Connection) -> str:
    """Write a use and return the name of its partition."""
    await seed.organization(connections)
    await append(connection, Batch("p", 1, now(), [used("key_a", now())]))
    name: str = await value(connection, "select tableoid::regclass::text from usage_events")
    return name


@pytest.mark.parametrize("statement", STATEMENTS)
async def test_the_log_refuses_update_delete_and_truncate_by_the_application(
    application: Connection, auth: Connection, written: str, statement: LiteralString
) -> None:
    for connection in (application, auth):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute(statement)


@pytest.mark.parametrize("statement", STATEMENTS)
async def test_the_log_refuses_update_delete_and_truncate_by_the_owner(
    owner: Connection, written: str, statement: LiteralString
) -> None:
    with pytest.raises(psycopg.DatabaseError, match="the log is append-only") as refusal:
        await owner.execute(statement)
    assert refusal.value.sqlstate == "KL002"


async def test_a_partition_addressed_directly_refuses_too(database_url: str, owner: Connection, written: str) -> None:
    name = sql.Identifier(written)
    templates: tuple[LiteralString, ...] = ("update {} set code = 'x'", "delete from {}", "truncate {}")
    for template in templates:
        statement = sql.SQL(template).format(name)
        with pytest.raises(psycopg.DatabaseError, match="the log is append-only"):
            await owner.execute(statement)
        async with await connect(database_url) as application:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await application.execute(statement)


async def test_the_application_cannot_create_or_drop_tables(application: Connection, written: str) -> None:
    statements: tuple[LiteralString, ...] = (
        "drop table events",
        "create table mine (id int)",
        "alter table events disable trigger all",
        "set session_replication_role = replica",
        "create or replace function log_is_append_only() returns trigger language plpgsql as 'begin return null; end'",
    )
    for statement in statements:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await application.execute(statement)


async def test_an_insert_cannot_update_a_row(application: Connection, written: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied for table events"):
        await application.execute(
            """
            insert into events (
                lane, position, stream_id, version, event_id, type, organization_id, occurred_at, body
            )
            select lane, position, stream_id, version, event_id, type, organization_id, occurred_at, body from events
            on conflict (lane, position) do update set body = 'x'
            """
        )
