"""A caller cancelled at any await costs the next caller nothing: no connection is left half used."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from domain.keys.commands import DisableKey
from domain.keys.decider import KEY
from domain.refusal import RevisionMismatch
from eventstore.check import check
from eventstore.execute import LockAndQuery, RelatedCommand, execute
from eventstore.idempotency import IdempotentRequest
from infrastructure.clock import now
from infrastructure.database.connections import Connection, Pool
from infrastructure.database.statements import Statement
from infrastructure.database.tenant import credential_lookup, read_transaction, write_transaction
from projections.registry import INLINE, INLINE_CHECKS
from tests import seed
from tests.eventstore.changes import renaming
from tests.eventstore.pools import assert_usable, wait_until_no_transaction_is_open
from tests.interrupting import (
    INTERRUPTING,
    MOMENTS,
    Moment,
    cancelled_everywhere,
)

pytestmark = INTERRUPTING

AWAITS_MIN = 3
"""A lower count would mean that awaits are not counted."""

PoolUse = Callable[[Pool, str, str], Awaitable[object]]
"""A use of the pool for a key of an organization."""


async def plain_change(connections: Pool, organization_id: str, key_id: str) -> None:
    await execute(connections, renaming(organization_id, key_id, f"Name {now()}"), INLINE)


async def repeatable_change(connections: Pool, organization_id: str, key_id: str) -> None:
    name = f"Name {now()}"
    request = IdempotentRequest(key_id, name, sha256(name.encode()).digest())
    await execute(connections, renaming(organization_id, key_id, name, idempotency=request), INLINE)


async def change_of_two_keys_after_a_query(connections: Pool, organization_id: str, key_id: str) -> None:
    """Query the facts under the lock, and change a second stream in the same transaction."""

    async def read(connection: Connection, row: object) -> None:
        await connection.execute("select 1")

    other_id, _ = await seed.key(connections, organization_id)
    write = renaming(organization_id, key_id, f"Name {now()}")
    query = LockAndQuery(Statement(b"select 1", ()), read)

    def also_disable(_: object) -> list[RelatedCommand[Any, Any, Any]]:
        return [RelatedCommand(KEY, other_id, DisableKey(now()))]

    await execute(connections, replace(write, guard=query, related_commands=also_disable), INLINE)


async def refused_change(connections: Pool, organization_id: str, key_id: str) -> None:
    write = renaming(organization_id, key_id, "Name")
    with suppress(RevisionMismatch):
        await execute(connections, replace(write, expected_revisions=frozenset({10**6})), INLINE)


async def read_in_a_pipeline(connections: Pool, organization_id: str, key_id: str) -> None:
    async with read_transaction(connections, organization_id) as connection, connection.pipeline():
        first = await connection.execute("select version from streams where stream_id = %s", (key_id,))
        second = await connection.execute("select count(*) from events")
        assert await first.fetchone()
        assert await second.fetchone()


async def write_outside_the_log(connections: Pool, organization_id: str, key_id: str) -> None:
    async with write_transaction(connections, organization_id) as connection, connection.transaction():
        await connection.execute("select %s::text", (key_id,))


async def exit_inside_a_transaction(connections: Pool, organization_id: str, key_id: str) -> None:
    async with connections.connection() as connection, connection.transaction():
        await connection.execute("select set_config('keyledger.organization_id', %s, false)", (organization_id,))
        async with connection.pipeline(), connection.transaction():
            await connection.execute("select from streams where stream_id = %s for update", (key_id,))
        await connection.execute("select set_config('keyledger.organization_id', '', false)")


async def credential_look_up(connections: Pool, organization_id: str, key_id: str) -> None:
    async with credential_lookup(connections) as connection, connection.pipeline():
        await connection.execute("select from key_state where key_id = %s", (key_id,))
        await connection.execute("select from key_state where organization_id = %s", (organization_id,))


PATHS: tuple[PoolUse, ...] = (
    plain_change,
    repeatable_change,
    change_of_two_keys_after_a_query,
    refused_change,
    read_in_a_pipeline,
    write_outside_the_log,
    exit_inside_a_transaction,
    credential_look_up,
)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("path", PATHS, ids=[path.__name__ for path in PATHS])
async def test_a_caller_cancelled_at_any_await_leaves_a_single_connection_pool_usable(
    single_connection_pool: Pool,
    connection: Connection,
    path: PoolUse,
    moment: Moment,
    record_property: Callable[[str, object], None],
) -> None:
    organization_id = await seed.organization(single_connection_pool)
    key_id, _ = await seed.key(single_connection_pool, organization_id)
    awaits = 0
    async for _ in cancelled_everywhere(lambda: path(single_connection_pool, organization_id, key_id), moment):
        await assert_usable(single_connection_pool)
        awaits += 1
    assert awaits >= AWAITS_MIN
    record_property(f"awaits of {path.__name__} at which it was cancelled {moment}", awaits)
    await wait_until_no_transaction_is_open(connection)
    assert (await check(connection, INLINE_CHECKS)).ok
