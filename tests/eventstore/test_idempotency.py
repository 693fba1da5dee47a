"""One answer per key: told again, refused for another request, and only there when its change is."""

import asyncio
import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.keys.commands import KeyCommand
from domain.keys.errors import KeyNotFound
from eventstore.errors import IdempotencyInFlight, IdempotencyMismatch
from eventstore.execute import Change, execute
from eventstore.idempotency import KEPT_FOR, IdempotentRequest, StoredResponse
from infrastructure.clock import new_id, now
from infrastructure.database.connections import Connection, Pool, pool
from projections.registry import INLINE
from tests import seed
from tests.eventstore.changes import renaming, value

pytestmark = pytest.mark.anyio

REQUEST = IdempotentRequest(caller="key_a", key="once", fingerprint=b"the request")


@pytest.fixture
async def key(connections: Pool) -> tuple[str, str]:
    organization_id = await seed.organization(connections)
    key_id, _ = await seed.key(connections, organization_id)
    return organization_id, key_id


async def test_a_repeat_is_told_the_same_and_changes_nothing(
    connections: Pool, connection: Connection, key: tuple[str, str]
) -> None:
    made = await execute(connections, renaming(*key, "New", idempotency=REQUEST), INLINE)
    assert isinstance(made, Change)
    for _ in range(2):
        again = await execute(connections, renaming(*key, "New", idempotency=REQUEST), INLINE)
        assert again == StoredResponse(200, b"New", made.revision)
    assert await value(connection, "select version from streams where stream_id = %s", key[1]) == 2


async def test_a_command_that_changed_nothing_has_its_answer_too(
    connections: Pool, connection: Connection, key: tuple[str, str]
) -> None:
    await execute(connections, renaming(*key, "Deploy", idempotency=REQUEST), INLINE)
    # Meanwhile it would be a change.
    await execute(connections, renaming(*key, "Other"), INLINE)
    again = await execute(connections, renaming(*key, "Deploy", idempotency=REQUEST), INLINE)
    assert again == StoredResponse(200, b"Deploy", 1)
    assert await value(connection, "select name from key_list where key_id = %s", key[1]) == "Other"


async def test_the_key_of_another_request_is_refused(connections: Pool, key: tuple[str, str]) -> None:
    await execute(connections, renaming(*key, "New", idempotency=REQUEST), INLINE)
    other = IdempotentRequest(REQUEST.caller, REQUEST.key, b"another request")
    with pytest.raises(IdempotencyMismatch):
        await execute(connections, renaming(*key, "Newer", idempotency=other), INLINE)


async def test_callers_have_keys_of_their_own(connections: Pool, key: tuple[str, str]) -> None:
    await execute(connections, renaming(*key, "New", idempotency=REQUEST), INLINE)
    other = IdempotentRequest("key_b", REQUEST.key, b"another request")
    assert isinstance(await execute(connections, renaming(*key, "Newer", idempotency=other), INLINE), Change)


async def test_a_repeat_during_the_first_attempt_is_told_to_wait(
    connections: Pool, database_url: str, key: tuple[str, str]
) -> None:
    raised: list[BaseException] = []
    slow = renaming(*key, "New", idempotency=REQUEST)

    async def repeat() -> None:
        async with pool(database_url) as others:
            try:
                await execute(others, slow, INLINE)
            except IdempotencyInFlight as error:
                raised.append(error)

    def command(facts: None) -> KeyCommand:
        thread = threading.Thread(target=asyncio.run, args=[repeat()])
        thread.start()
        thread.join()
        return slow.command(facts)

    made = await execute(connections, replace(slow, command=command), INLINE)
    assert isinstance(made, Change)
    assert len(raised) == 1


async def test_of_many_at_once_one_makes_the_change(
    connections: Pool, connection: Connection, key: tuple[str, str]
) -> None:
    writes = [execute(connections, renaming(*key, "New", idempotency=REQUEST), INLINE) for _ in range(15)]
    done = await asyncio.gather(*writes, return_exceptions=True)
    assert sum(isinstance(each, Change) for each in done) == 1
    assert all(isinstance(each, Change | StoredResponse | IdempotencyInFlight) for each in done)
    assert await value(connection, "select version from streams where stream_id = %s", key[1]) == 2


async def test_a_refused_command_leaves_nothing_behind(
    connections: Pool, connection: Connection, key: tuple[str, str]
) -> None:
    with pytest.raises(KeyNotFound):
        await execute(connections, renaming(key[0], new_id("key"), "New", idempotency=REQUEST), INLINE)
    assert await value(connection, "select count(*) from idempotency_keys") == 0
    # What was refused may be asked for again, and its key may serve another request.
    other = IdempotentRequest(REQUEST.caller, REQUEST.key, b"another request")
    assert isinstance(await execute(connections, renaming(*key, "New", idempotency=other), INLINE), Change)


async def test_an_answer_counts_for_a_day(connections: Pool, connection: Connection, key: tuple[str, str]) -> None:
    first = renaming(*key, "New", idempotency=REQUEST)
    await execute(connections, replace(first, at=now() - KEPT_FOR - timedelta(seconds=1)), INLINE)
    later = renaming(*key, "Newer", idempotency=IdempotentRequest(REQUEST.caller, REQUEST.key, b"another request"))
    assert isinstance(await execute(connections, later, INLINE), Change)
    # The new answer has taken the place of the old one.
    assert await execute(connections, later, INLINE) == StoredResponse(200, b"Newer", 3)
    assert await value(connection, "select count(*) from idempotency_keys") == 1
