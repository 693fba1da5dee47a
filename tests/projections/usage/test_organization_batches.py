"""Where the uses of organizations are in the log."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from domain.usage.events import KeyUsed, UsageEvent
from infrastructure.clock import new_id
from infrastructure.database.connections import Connection
from projections.engine.runner import run_projection
from projections.read_models.usage.organization_batches.apply import ORGANIZATION_BATCHES
from projections.read_models.usage.organization_batches.check import check_organization_batches
from tests.projections.usage.uses import append, completed, some_of_everything, used

pytestmark = pytest.mark.anyio

AT = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
KEY, OTHER = new_id("key"), new_id("key")


async def _listed(connection: Connection) -> list[tuple[str, datetime, list[int]]]:
    assert (await run_projection(connection, ORGANIZATION_BATCHES, 30)).stopped == {}
    cursor = await connection.execute(
        b"select organization_id, occurred_at, ordinals from organization_batches order by organization_id, occurred_at"
    )
    return await cursor.fetchall()


async def test_each_organization_has_the_positions_of_its_uses_in_a_batch(connection: Connection) -> None:
    await append(
        connection,
        "p",
        AT,
        [
            used(KEY, AT),
            used(OTHER, AT, organization_id="org_b"),
            completed(KEY, AT),
            used(None, AT, code="unauthorized"),
            used(KEY, AT, action="manage", code="forbidden"),
        ],
    )
    later = AT + timedelta(hours=1)
    await append(connection, "q", later, [completed(KEY, later), used(OTHER, later, organization_id="org_b")])
    assert await _listed(connection) == [("org_a", AT, [0, 4]), ("org_b", AT, [1]), ("org_b", later, [1])]


async def test_an_unknown_secret_is_listed_for_the_organization_that_verified_it(connection: Connection) -> None:
    unknown = KeyUsed(
        id=used(None, AT).id, occurred_at=AT, action="verify", code="unauthorized", organization_id="org_a"
    )
    await append(connection, "p", AT, [unknown])
    assert await _listed(connection) == [("org_a", AT, [0])]


async def test_any_pages_and_lanes_list_every_use_once(connection: Connection) -> None:
    dice = random.Random(5)  # noqa: S311
    uses = 0
    for number in range(30):
        at = AT - timedelta(minutes=dice.randrange(600))
        events: list[UsageEvent] = some_of_everything(dice, [KEY, OTHER], at, 20)
        uses += sum(isinstance(event, KeyUsed) and event.organization_id is not None for event in events)
        await append(connection, f"producer {number % 5}", at, events)
        if dice.randrange(4) == 0:
            await run_projection(connection, ORGANIZATION_BATCHES, 30)
    assert sum(len(ordinals) for _, _, ordinals in await _listed(connection)) == uses
    assert await check_organization_batches(connection) == []


async def test_the_check_finds_a_position_that_is_not_in_the_log(connection: Connection) -> None:
    await append(connection, "p", AT, [used(KEY, AT), used(KEY, AT)])
    await _listed(connection)
    await append(connection, "p", AT, [used(KEY, AT)])
    assert await check_organization_batches(connection) == [], "the use after the checkpoint is not listed yet"
    await connection.execute(
        b"insert into organization_batches select 'org_b', occurred_at, lane, batch_no, '{0}' from organization_batches"
    )
    (line,) = await check_organization_batches(connection)
    assert line.startswith("I8 organization_batches of 'org_b', lane ")
    assert line.endswith("batch 1: positions [0] are listed and [] in the log")
