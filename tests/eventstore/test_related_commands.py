"""A change of several streams is atomic; a concurrent change decides on its result."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from domain.keys.commands import DisableKey, RevokeKey
from domain.keys.decider import KEY
from domain.keys.errors import KeyNotFound
from domain.plans.plan import KeyCounts
from eventstore.check import check
from eventstore.errors import ConcurrentChange
from eventstore.execute import Change, LockAndQuery, RelatedCommand, VersionPrecondition, execute
from infrastructure.clock import new_id, now
from infrastructure.database.connections import Connection, Pool
from projections.registry import INLINE, INLINE_CHECKS
from tests import seed
from tests.eventstore.changes import value, write

pytestmark = pytest.mark.anyio


def disabling(_: object) -> DisableKey:
    return DisableKey(now())


def disabled(*key_ids: str) -> Callable[[object], list[RelatedCommand[Any, Any, Any]]]:
    return lambda _: [RelatedCommand(KEY, key_id, DisableKey(now())) for key_id in key_ids]


async def _version(connection: Connection, key_id: str) -> int:
    return await value(connection, "select version from streams where stream_id = %s", key_id)


async def _is_sound(connection: Connection) -> bool:
    return (await check(connection, INLINE_CHECKS)).ok


async def test_all_streams_change_in_one_transaction(connections: Pool, connection: Connection) -> None:
    organization_id = await seed.organization(connections)
    keys = [(await seed.key(connections, organization_id))[0] for _ in range(3)]
    main = write(organization_id, keys[0], disabling)
    committed = await execute(connections, replace(main, related_commands=disabled(*keys[1:])), INLINE)
    assert isinstance(committed, Change)
    assert [related.stream_id for related in committed.related] == keys[1:]
    assert [await _version(connection, key_id) for key_id in keys] == [2, 2, 2]
    xmins = "select count(distinct xmin::text) from events where stream_id = any(%s) and version = 2"
    assert await value(connection, xmins, keys) == 1
    assert await _is_sound(connection)


async def test_a_refusal_of_one_command_refuses_all(connections: Pool, connection: Connection) -> None:
    organization_id = await seed.organization(connections)
    keys = [(await seed.key(connections, organization_id))[0] for _ in range(2)]
    main = write(organization_id, keys[0], disabling)
    with pytest.raises(KeyNotFound):
        await execute(connections, replace(main, related_commands=disabled(keys[1], new_id("key"))), INLINE)
    assert [await _version(connection, key_id) for key_id in keys] == [1, 1]


async def test_a_related_command_without_effect_records_nothing(connections: Pool, connection: Connection) -> None:
    organization_id = await seed.organization(connections)
    keys = [(await seed.key(connections, organization_id))[0] for _ in range(2)]
    main = write(organization_id, keys[0], disabling)
    await execute(connections, replace(main, related_commands=disabled(keys[1])), INLINE)
    await execute(connections, replace(main, related_commands=disabled(keys[1])), INLINE)
    assert [await _version(connection, key_id) for key_id in keys] == [2, 2]


async def test_a_related_stream_with_a_precondition_must_be_unchanged(connections: Pool) -> None:
    organization_id = await seed.organization(connections)
    keys = [(await seed.key(connections, organization_id))[0] for _ in range(2)]
    main = write(organization_id, keys[0], disabling)
    both = replace(main, related_commands=disabled(keys[1]))
    with pytest.raises(ConcurrentChange):
        await execute(connections, replace(both, requires_unchanged=VersionPrecondition(keys[1], 7)), INLINE)
    committed = await execute(connections, replace(both, requires_unchanged=VersionPrecondition(keys[1], 1)), INLINE)
    assert isinstance(committed, Change)


async def test_the_guard_queries_after_it_holds_the_lock(connections: Pool, connection: Connection) -> None:
    """Of many callers that each revoke what they find, one finds the keys and the others find none."""
    organization_id = await seed.organization(connections)
    keys = [(await seed.key(connections, organization_id))[0] for _ in range(3)]
    keeper, _ = await seed.key(connections, organization_id)
    plain = write(organization_id, keeper, disabling)
    lock = plain.guard.statement

    async def read(inside: Connection, _: object) -> list[str]:
        cursor = await inside.execute(
            "select key_id from key_list where organization_id = %s and status = 'active' and key_id = any(%s)",
            (organization_id, keys),
        )
        return [key_id for (key_id,) in await cursor.fetchall()]

    def revoked(found: list[str]) -> list[RelatedCommand[Any, Any, Any]]:
        counts = KeyCounts(active=9, disabled=0, limit=None, plan="team")
        return [RelatedCommand(KEY, key_id, RevokeKey(now(), seed.OWNER, counts)) for key_id in found]

    async def revoke_found() -> int:
        write_found = replace(plain, guard=LockAndQuery(lock, read), related_commands=revoked)
        committed = await execute(connections, write_found, INLINE)
        assert isinstance(committed, Change)
        return len(committed.related)

    assert sorted(await asyncio.gather(*[revoke_found() for _ in range(4)])) == [0, 0, 0, 3]
    assert await _is_sound(connection)
