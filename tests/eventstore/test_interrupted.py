"""A caller that is cancelled, at whichever await, costs the next caller nothing: no connection is left half used."""

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
from tests.eventstore.pools import eventually_none_is_open, is_as_new
from tests.interrupting import (
    INTERRUPTING,
    MOMENTS,
    Moment,
    cancelled_everywhere,
)

pytestmark = INTERRUPTING

AWAITS_MIN = 3
"""Fewer would mean that the awaits are not counted."""

Path = Callable[[Pool, str, str], Awaitable[object]]
"""A use of the pool for a key of an organization."""


async def plain_change(connections: Pool, organization_id: str, key_id: str) -> None:
    await execute(connections, renaming(organization_id, key_id, f"Name {now()}"), INLINE)


async def repeatable_change(connections: Pool, organization_id: str, key_id: str) -> None:
    name = f"Name {now()}"
    request = IdempotentRequest(key_id, name, sha256(name.encode()).digest())
    await execute(connections, renaming(organization_id, key_id, name, idempotency=request), INLINE)


async def surveyed_change_of_two(connections: Pool, organization_id: str, key_id: str) -> None:
    """The facts are read under the lock by statements of their own, and another stream is changed with them."""

    async def read(connection: Connection, row: object) -> None:
        await connection.execute("select 1")

    other_id, _ = await seed.key(connections, organization_id)
    write = renaming(organization_id, key_id, f"Name {now()}")
    survey = LockAndQuery(Statement(b"select 1", ()), read)

    def beside(_: object) -> list[RelatedCommand[Any, Any, Any]]:
        return [RelatedCommand(KEY, other_id, DisableKey(now()))]

    await execute(connections, replace(write, guard=survey, related_commands=beside), INLINE)


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


async def written_outside_the_log(connections: Pool, organization_id: str, key_id: str) -> None:
    async with write_transaction(connections, organization_id) as connection, connection.transaction():
        await connection.execute("select %s::text", (key_id,))


async def left_inside_a_transaction(connections: Pool, organization_id: str, key_id: str) -> None:
    async with connections.connection() as connection, connection.transaction():
        await connection.execute("select set_config('keyledger.organization_id', %s, false)", (organization_id,))
        async with connection.pipeline(), connection.transaction():
            await connection.execute("select from streams where stream_id = %s for update", (key_id,))
        await connection.execute("select set_config('keyledger.organization_id', '', false)")


async def looked_up_at_the_gate(connections: Pool, organization_id: str, key_id: str) -> None:
    async with credential_lookup(connections) as connection, connection.pipeline():
        await connection.execute("select from key_state where key_id = %s", (key_id,))
        await connection.execute("select from key_state where organization_id = %s", (organization_id,))


PATHS: tuple[Path, ...] = (
    plain_change,
    repeatable_change,
    surveyed_change_of_two,
    refused_change,
    read_in_a_pipeline,
    written_outside_the_log,
    left_inside_a_transaction,
    looked_up_at_the_gate,
)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("path", PATHS, ids=[path.__name__ for path in PATHS])
async def test_a_caller_that_is_cancelled_at_any_await_leaves_a_pool_of_one_connection_as_new(
    one: Pool,
    connection: Connection,
    path: Path,
    moment: Moment,
    record_property: Callable[[str, object], None],
) -> None:
    organization_id = await seed.organization(one)
    key_id, _ = await seed.key(one, organization_id)
    awaits = 0
    async for _ in cancelled_everywhere(lambda: path(one, organization_id, key_id), moment):
        await is_as_new(one)
        awaits += 1
    assert awaits >= AWAITS_MIN
    record_property(f"awaits of {path.__name__} at which it was cancelled {moment}", awaits)
    await eventually_none_is_open(connection)
    assert (await check(connection, INLINE_CHECKS)).ok
