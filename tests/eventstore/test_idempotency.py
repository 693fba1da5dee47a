"""One response per idempotency key: replayed, refused for another request, and stored only with its change."""

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


async def test_a_repeated_request_gets_the_same_response_and_changes_nothing(
    connections: Pool, connection: Connection, key: tuple[str, str]
) -> None:
    committed = await execute(connections, renaming(*key, "New", idempotency=REQUEST), INLINE)
    assert isinstance(committed, Change)
    for _ in range(2):
        again = await execute(connections, renaming(*key, "New", idempotency=REQUEST), INLINE)
        assert again == StoredResponse(200, b"New", committed.revision)
    assert await value(connection, "select version from streams where stream_id = %s", key[1]) == 2


async def test_a_request_that_changed_nothing_is_replayed_too(
    connections: Pool, connection: Connection, key: tuple[str, str]
) -> None:
    await execute(connections, renaming(*key, "Deploy", idempotency=REQUEST), INLINE)
    # Now the same request would change the name.
    await execute(connections, renaming(*key, "Other"), INLINE)
    again = await execute(connections, renaming(*key, "Deploy", idempotency=REQUEST), INLINE)
    assert again == StoredResponse(200, b"Deploy", 1)
    assert await value(connection, "select name from key_list where key_id = %s", key[1]) == "Other"


async def test_a_key_reused_for_another_request_is_refused(connections: Pool, key: tuple[str, str]) -> None:
    await execute(connections, renaming(*key, "New", idempotency=REQUEST), INLINE)
    other = IdempotentRequest(REQUEST.caller, REQUEST.key, b"another request")
    with pytest.raises(IdempotencyMismatch):
        await execute(connections, renaming(*key, "Newer", idempotency=other), INLINE)


async def test_idempotency_keys_are_scoped_to_the_caller(connections: Pool, key: tuple[str, str]) -> None:
    await execute(connections, renaming(*key, "New", idempotency=REQUEST), INLINE)
    other = IdempotentRequest("key_b", REQUEST.key, b"another request")
    assert isinstance(await execute(connections, renaming(*key, "Newer", idempotency=other), INLINE), Change)


async def test_a_repeat_during_the_first_attempt_is_refused_as_in_flight(
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

    committed = await execute(connections, replace(slow, command=command), INLINE)
    assert isinstance(committed, Change)
    assert len(raised) == 1


async def test_only_one_of_many_concurrent_repeats_makes_the_change(
    connections: Pool, connection: Connection, key: tuple[str, str]
) -> None:
    writes = [execute(connections, renaming(*key, "New", idempotency=REQUEST), INLINE) for _ in range(15)]
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert sum(isinstance(each, Change) for each in outcomes) == 1
    assert all(isinstance(each, Change | StoredResponse | IdempotencyInFlight) for each in outcomes)
    assert await value(connection, "select version from streams where stream_id = %s", key[1]) == 2


async def test_a_refused_command_stores_no_response(
    connections: Pool, connection: Connection, key: tuple[str, str]
) -> None:
    with pytest.raises(KeyNotFound):
        await execute(connections, renaming(key[0], new_id("key"), "New", idempotency=REQUEST), INLINE)
    assert await value(connection, "select count(*) from idempotency_keys") == 0
    # The refused request may be repeated, and its key may be used for another request.
    other = IdempotentRequest(REQUEST.caller, REQUEST.key, b"another request")
    assert isinstance(await execute(connections, renaming(*key, "New", idempotency=other), INLINE), Change)


async def test_a_response_is_replayed_for_one_day(
    connections: Pool, connection: Connection, key: tuple[str, str]
) -> None:
    first = renaming(*key, "New", idempotency=REQUEST)
    await execute(connections, replace(first, at=now() - KEPT_FOR - timedelta(seconds=1)), INLINE)
    later = renaming(*key, "Newer", idempotency=IdempotentRequest(REQUEST.caller, REQUEST.key, b"another request"))
    assert isinstance(await execute(connections, later, INLINE), Change)
    # The new response has replaced the old one.
    assert await execute(connections, later, INLINE) == StoredResponse(200, b"Newer", 3)
    assert await value(connection, "select count(*) from idempotency_keys") == 1
