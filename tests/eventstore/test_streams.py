"""I2: two commands decided on the same version cannot both be written. I10: plan limits hold without deadlocks."""

import asyncio
import random
import threading
from dataclasses import replace

import pytest

from domain.keys.commands import KeyCommand
from domain.keys.errors import KeyLimitReached
from domain.keys.events import KeyEvent
from domain.keys.state import KeyState
from domain.plans.plan import KeyCounts
from domain.refusal import Refusal, RevisionMismatch
from eventstore.errors import ConcurrentChange
from eventstore.execute import ATTEMPTS_MAX, Change, Write, execute
from infrastructure.database.connections import Connection, Pool, pool
from infrastructure.database.errors import StorageError
from projections.registry import INLINE
from tests import seed
from tests.eventstore.changes import (
    change_key,
    disabling,
    enabling,
    rename,
    renaming,
    revoke,
    rotation,
    rows,
    value,
    write,
)
from tests.random_input import random_bytes

pytestmark = pytest.mark.anyio

LIMIT = 10  # of the plan "pro"

Renaming = Write[KeyState, KeyCommand, KeyEvent, None]


def _change_concurrently(url: str, organization_id: str, key_id: str) -> None:
    """Change the key in another thread, from start to end, while this one decides."""

    async def change() -> None:
        async with pool(url) as connections:
            await rename(connections, organization_id, key_id, f"Faster {random_bytes(4).hex()}")

    thread = threading.Thread(target=asyncio.run, args=[change()])
    thread.start()
    thread.join()


def _with_concurrent_changes(write: Renaming, url: str, times: int) -> tuple[Renaming, list[str]]:
    """Return `write` with a concurrent change during its first `times` decisions, and a list of its decisions."""
    decided: list[str] = []

    def command(facts: None) -> KeyCommand:
        if len(decided) < times:
            _change_concurrently(url, write.organization_id, write.stream_id)
        decided.append("again" if decided else "first")
        return write.command(facts)

    return replace(write, command=command), decided


async def test_a_command_that_lost_a_race_decides_again(
    connections: Pool, connection: Connection, database_url: str
) -> None:
    organization_id = await seed.organization(connections)
    key_id, _ = await seed.key(connections, organization_id)
    slow, decided = _with_concurrent_changes(renaming(organization_id, key_id, "Slow"), database_url, times=1)
    committed = await execute(connections, slow, INLINE)
    assert isinstance(committed, Change)
    assert decided == ["first", "again"]
    assert (_name(committed.before)[:6], _name(committed.after), committed.revision) == ("Faster", "Slow", 3)
    assert await value(connection, "select count(*) from events where stream_id = %s", key_id) == 3


async def test_a_command_that_lost_three_races_is_refused_and_changes_nothing(
    connections: Pool, connection: Connection, database_url: str
) -> None:
    organization_id = await seed.organization(connections)
    key_id, _ = await seed.key(connections, organization_id)
    slow, decided = _with_concurrent_changes(
        renaming(organization_id, key_id, "Slow"), database_url, times=ATTEMPTS_MAX
    )
    with pytest.raises(ConcurrentChange):
        await execute(connections, slow, INLINE)
    assert len(decided) == ATTEMPTS_MAX
    names = await rows(connection, "select name from key_list where key_id = %s", key_id)
    assert names[0][0].startswith("Faster")
    assert await value(connection, "select version from streams where stream_id = %s", key_id) == 1 + ATTEMPTS_MAX


async def test_an_expected_revision_is_checked_again_after_a_lost_race(connections: Pool, database_url: str) -> None:
    organization_id = await seed.organization(connections)
    key_id, _ = await seed.key(connections, organization_id)
    wanted = replace(renaming(organization_id, key_id, "Slow"), expected_revisions=frozenset({1}))
    slow, _ = _with_concurrent_changes(wanted, database_url, times=1)
    with pytest.raises(RevisionMismatch) as refusal:
        await execute(connections, slow, INLINE)
    assert refusal.value.details == {"current": 2}


async def test_concurrent_changes_of_one_stream_get_different_versions(
    connections: Pool, connection: Connection
) -> None:
    organization_id = await seed.organization(connections)
    key_id, _ = await seed.key(connections, organization_id)
    writes = [execute(connections, renaming(organization_id, key_id, f"Name {n}"), INLINE) for n in range(12)]
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    committed = [each for each in outcomes if isinstance(each, Change)]
    assert all(isinstance(each, ConcurrentChange) for each in outcomes if not isinstance(each, Change))
    assert sorted(each.revision for each in committed) == list(range(2, len(committed) + 2))
    assert await value(connection, "select version from streams where stream_id = %s", key_id) == len(committed) + 1
    # The stored name is the one that the caller with the latest version received.
    last = max(committed, key=lambda each: each.revision)
    assert await value(connection, "select name from key_list where key_id = %s", key_id) == _name(last.after)


async def test_creating_an_existing_stream_is_refused(connections: Pool) -> None:
    organization_id = await seed.organization(connections)
    key_id, _ = await seed.key(connections, organization_id)
    with pytest.raises(Refusal, match="There is a key with this id already"):
        await seed.key(connections, organization_id, key_id=key_id)


async def test_a_stream_of_another_organization_is_not_found(connections: Pool, connection: Connection) -> None:
    organization_id, other = [await seed.organization(connections) for _ in range(2)]
    key_id, _ = await seed.key(connections, organization_id)
    with pytest.raises(Refusal):
        await rename(connections, other, key_id, "Mine")
    # The id of another organization's stream cannot be used for a new stream either.
    with pytest.raises(StorageError):
        await seed.key(connections, other, key_id=key_id)
    assert await value(connection, "select count(*) from events where stream_id = %s", key_id) == 1


async def test_two_hundred_concurrent_changes_at_the_limit_neither_deadlock_nor_exceed_it(
    connections: Pool, connection: Connection
) -> None:
    organization_id = await seed.organization(connections, "pro")
    dice = random.Random(10)  # noqa: S311 -- no secret
    keys = [(await seed.key(connections, organization_id))[0] for _ in range(LIMIT - 1)]
    slots = asyncio.Semaphore(15)
    counts: list[int] = []

    async def one(number: int) -> None:
        key_id = dice.choice(keys[-LIMIT:])
        async with slots:
            match number % 5:
                case 0 | 1:
                    keys.append((await seed.key(connections, organization_id))[0])
                case 2:
                    await revoke(connections, organization_id, key_id)
                case 3:
                    command = disabling() if dice.random() < 0.5 else enabling()
                    await change_key(connections, organization_id, key_id, command)
                case _:
                    await execute(connections, _rotating(organization_id, key_id), INLINE)

    async def watch() -> None:
        while True:
            used = await value(
                connection,
                "select count(*) from key_list where organization_id = %s and status in ('active', 'disabled')",
                organization_id,
            )
            counts.append(used)

    watching = asyncio.create_task(watch())
    outcomes = await asyncio.gather(*[one(number) for number in range(200)], return_exceptions=True)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    problems = [each for each in outcomes if isinstance(each, BaseException)]
    # A deadlock or a lock timeout would be Unavailable.
    assert all(isinstance(each, Refusal | ConcurrentChange) for each in problems), problems
    assert any(isinstance(each, KeyLimitReached) for each in problems)
    assert max(counts) <= LIMIT
    ((active, disabled),) = await rows(
        connection,
        "select keys_active, keys_disabled from organization_guard where organization_id = %s",
        organization_id,
    )
    assert active + disabled <= LIMIT


def _rotating(organization_id: str, key_id: str) -> Write[KeyState, KeyCommand, KeyEvent, KeyCounts]:
    return write(organization_id, key_id, lambda _: rotation(random_bytes(32)))


def _name(state: KeyState) -> str:
    assert state is not None
    return state.key.name
