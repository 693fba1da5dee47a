"""A change depends on the key that requests it: if that key changed in the meantime, the change is refused."""

import asyncio
import threading
from dataclasses import replace

import pytest

from domain.keys.commands import KeyCommand
from eventstore.errors import ConcurrentChange
from eventstore.execute import Change, VersionPrecondition, execute
from infrastructure.database.connections import Connection, Pool, pool
from projections.registry import INLINE
from tests import seed
from tests.eventstore.changes import renaming, revoke, value

pytestmark = pytest.mark.anyio

PAIRS = 8
ROUNDS = 10


async def _version(connection: Connection, key_id: str) -> int:
    return await value(connection, "select version from streams where stream_id = %s", key_id)


async def test_a_change_leaves_the_key_it_depends_on_unchanged(connections: Pool, connection: Connection) -> None:
    organization_id = await seed.organization(connections)
    caller, _ = await seed.key(connections, organization_id)
    key_id, _ = await seed.key(connections, organization_id)
    committed = await execute(
        connections,
        replace(renaming(organization_id, key_id, "New"), requires_unchanged=VersionPrecondition(caller, 1)),
        INLINE,
    )
    assert isinstance(committed, Change)
    assert (await _version(connection, key_id), await _version(connection, caller)) == (2, 1)


async def test_a_change_requested_by_a_revoked_key_is_refused(
    connections: Pool, connection: Connection, database_url: str
) -> None:
    organization_id = await seed.organization(connections)
    caller, _ = await seed.key(connections, organization_id)
    key_id, _ = await seed.key(connections, organization_id)
    wanted = renaming(organization_id, key_id, "Late")

    async def revoke_caller() -> None:
        async with pool(database_url) as others:
            await revoke(others, organization_id, caller)

    def command(facts: None) -> KeyCommand:
        """The caller was accepted; its revocation completes during this decision."""
        thread = threading.Thread(target=asyncio.run, args=[revoke_caller()])
        thread.start()
        thread.join()
        return wanted.command(facts)

    with pytest.raises(ConcurrentChange):
        await execute(
            connections, replace(wanted, command=command, requires_unchanged=VersionPrecondition(caller, 1)), INLINE
        )
    assert await _version(connection, key_id) == 1


async def test_a_key_that_changes_itself_depends_on_itself(connections: Pool, connection: Connection) -> None:
    organization_id = await seed.organization(connections)
    key_id, _ = await seed.key(connections, organization_id)
    wanted = replace(renaming(organization_id, key_id, "Itself"), requires_unchanged=VersionPrecondition(key_id, 1))
    assert isinstance(await execute(connections, wanted, INLINE), Change)
    with pytest.raises(ConcurrentChange):
        await execute(
            connections,
            replace(renaming(organization_id, key_id, "Again"), requires_unchanged=VersionPrecondition(key_id, 1)),
            INLINE,
        )
    assert await _version(connection, key_id) == 2


async def test_of_two_changes_that_depend_on_each_other_one_is_made_and_neither_blocks(connections: Pool) -> None:
    organization_id = await seed.organization(connections)

    async def change(caller: str, changed: str) -> object:
        wanted = replace(
            renaming(organization_id, changed, "By the other"), requires_unchanged=VersionPrecondition(caller, 1)
        )
        return await execute(connections, wanted, INLINE)

    async def concurrently() -> tuple[object, object]:
        one, _ = await seed.key(connections, organization_id)
        other, _ = await seed.key(connections, organization_id)
        return await asyncio.gather(change(one, other), change(other, one), return_exceptions=True)

    for _ in range(ROUNDS):
        # A deadlock would be reported as `Unavailable`, after a second.
        outcomes = await asyncio.gather(*[concurrently() for _ in range(PAIRS)])
        assert [{type(outcome) for outcome in pair} for pair in outcomes] == [{Change, ConcurrentChange}] * PAIRS
