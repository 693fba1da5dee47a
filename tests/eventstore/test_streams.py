"""I2: two who decide on the same version do not both write. I10: a plan's limit holds, and nobody locks anybody out."""

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
from tests.eventstore.changes import disabling, do, enabling, rename, renaming, revoke, rotation, rows, value, write
from tests.random_input import random_bytes

pytestmark = pytest.mark.anyio

LIMIT = 10  # of the plan "pro"

Renaming = Write[KeyState, KeyCommand, KeyEvent, None]


def _someone_is_faster(url: str, organization_id: str, key_id: str) -> None:
    """Another process changes the key, from beginning to end, while this one decides."""

    async def change() -> None:
        async with pool(url) as connections:
            await rename(connections, organization_id, key_id, f"Faster {random_bytes(4).hex()}")

    thread = threading.Thread(target=asyncio.run, args=[change()])
    thread.start()
    thread.join()


def _interrupted(write: Renaming, url: str, times: int) -> tuple[Renaming, list[str]]:
    """`write`, during whose first `times` decisions someone else is faster; and a note of each decision."""
    decided: list[str] = []

    def command(facts: None) -> KeyCommand:
        if len(decided) < times:
            _someone_is_faster(url, write.organization_id, write.stream_id)
        decided.append("again" if decided else "first")
        return write.command(facts)

    return replace(write, command=command), decided


async def test_whoever_is_second_decides_again(connections: Pool, connection: Connection, database_url: str) -> None:
    organization_id = await seed.organization(connections)
    key_id, _ = await seed.key(connections, organization_id)
    slow, decided = _interrupted(renaming(organization_id, key_id, "Slow"), database_url, times=1)
    made = await execute(connections, slow, INLINE)
    assert isinstance(made, Change)
    assert decided == ["first", "again"]
    assert (_name(made.before)[:6], _name(made.after), made.revision) == ("Faster", "Slow", 3)
    assert await value(connection, "select count(*) from events where stream_id = %s", key_id) == 3


async def test_whoever_is_second_three_times_is_told_so_and_changes_nothing(
    connections: Pool, connection: Connection, database_url: str
) -> None:
    organization_id = await seed.organization(connections)
    key_id, _ = await seed.key(connections, organization_id)
    slow, decided = _interrupted(renaming(organization_id, key_id, "Slow"), database_url, times=ATTEMPTS_MAX)
    with pytest.raises(ConcurrentChange):
        await execute(connections, slow, INLINE)
    assert len(decided) == ATTEMPTS_MAX
    names = await rows(connection, "select name from key_list where key_id = %s", key_id)
    assert names[0][0].startswith("Faster")
    assert await value(connection, "select version from streams where stream_id = %s", key_id) == 1 + ATTEMPTS_MAX


async def test_an_expected_revision_is_looked_at_again_when_someone_was_faster(
    connections: Pool, database_url: str
) -> None:
    organization_id = await seed.organization(connections)
    key_id, _ = await seed.key(connections, organization_id)
    wanted = replace(renaming(organization_id, key_id, "Slow"), expected_revisions=frozenset({1}))
    slow, _ = _interrupted(wanted, database_url, times=1)
    with pytest.raises(RevisionMismatch) as refusal:
        await execute(connections, slow, INLINE)
    assert refusal.value.details == {"current": 2}


async def test_many_at_once_on_one_stream_each_get_a_version_of_their_own(
    connections: Pool, connection: Connection
) -> None:
    organization_id = await seed.organization(connections)
    key_id, _ = await seed.key(connections, organization_id)
    writes = [execute(connections, renaming(organization_id, key_id, f"Name {n}"), INLINE) for n in range(12)]
    done = await asyncio.gather(*writes, return_exceptions=True)
    made = [each for each in done if isinstance(each, Change)]
    assert all(isinstance(each, ConcurrentChange) for each in done if not isinstance(each, Change))
    assert sorted(each.revision for each in made) == list(range(2, len(made) + 2))
    assert await value(connection, "select version from streams where stream_id = %s", key_id) == len(made) + 1
    # Names in the order of the versions are what the callers were told.
    last = max(made, key=lambda each: each.revision)
    assert await value(connection, "select name from key_list where key_id = %s", key_id) == _name(last.after)


async def test_creation_of_what_exists_is_refused(connections: Pool) -> None:
    organization_id = await seed.organization(connections)
    key_id, _ = await seed.key(connections, organization_id)
    with pytest.raises(Refusal, match="There is a key with this id already"):
        await seed.key(connections, organization_id, key_id=key_id)


async def test_another_organizations_stream_is_not_there(connections: Pool, connection: Connection) -> None:
    organization_id, other = [await seed.organization(connections) for _ in range(2)]
    key_id, _ = await seed.key(connections, organization_id)
    with pytest.raises(Refusal):
        await rename(connections, other, key_id, "Mine")
    # An id that is another organization's can not be taken for one's own either.
    with pytest.raises(StorageError):
        await seed.key(connections, other, key_id=key_id)
    assert await value(connection, "select count(*) from events where stream_id = %s", key_id) == 1


async def test_two_hundred_changes_at_once_at_the_limit_neither_deadlock_nor_pass_it(
    connections: Pool, connection: Connection
) -> None:
    organization_id = await seed.organization(connections, "pro")
    dice = random.Random(10)  # noqa: S311 -- no secret
    keys = [(await seed.key(connections, organization_id))[0] for _ in range(LIMIT - 1)]
    gate = asyncio.Semaphore(15)
    over: list[int] = []

    async def one(number: int) -> None:
        key_id = dice.choice(keys[-LIMIT:])
        async with gate:
            match number % 5:
                case 0 | 1:
                    keys.append((await seed.key(connections, organization_id))[0])
                case 2:
                    await revoke(connections, organization_id, key_id)
                case 3:
                    command = disabling() if dice.random() < 0.5 else enabling()
                    await do(connections, organization_id, key_id, command)
                case _:
                    await execute(connections, _rotating(organization_id, key_id), INLINE)

    async def watch() -> None:
        while True:
            used = await value(
                connection,
                "select count(*) from key_list where organization_id = %s and status in ('active', 'disabled')",
                organization_id,
            )
            over.append(used)

    watching = asyncio.create_task(watch())
    done = await asyncio.gather(*[one(number) for number in range(200)], return_exceptions=True)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    problems = [each for each in done if isinstance(each, BaseException)]
    # A deadlock or a lock that was waited for too long would be Unavailable.
    assert all(isinstance(each, Refusal | ConcurrentChange) for each in problems), problems
    assert any(isinstance(each, KeyLimitReached) for each in problems)
    assert max(over) <= LIMIT
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
