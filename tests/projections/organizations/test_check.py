"""Billed usage of organizations follows from the log, and the check detects differences."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from eventstore.usage_batch import Batch
from infrastructure.clock import now
from infrastructure.database.connections import Connection, connect
from projections.read_models.organizations.billed_usage.check import check_billed_usage
from projections.read_models.organizations.billed_usage.queries import used_in_month
from tests.eventstore.pipelines import append as append_batch
from tests.projections.usage.uses import completed, used

pytestmark = pytest.mark.anyio

JULY = datetime(2026, 7, 31, 23, 59, tzinfo=UTC)
AUGUST = datetime(2026, 8, 1, tzinfo=UTC)


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    async with await connect(database_url, role=None) as opened:
        yield opened


async def append(connection: Connection, producer: str, at: datetime, **billed: int) -> None:
    """Write a batch with the given number of billed uses of each organization, and some unbilled ones."""
    events = [
        replace(used("key_a", at, organization_id=id_), billed=True) for id_, n in billed.items() for _ in range(n)
    ]
    others = [used("key_a", at), used(None, at, code="unauthorized"), completed("key_a", at)]
    await append_batch(connection, Batch(producer, 1, at, [*events, *others]))


async def test_billed_uses_are_counted_by_month_and_organization(connection: Connection) -> None:
    await append(connection, "p", JULY, org_a=3, org_b=1)
    await append(connection, "q", JULY, org_a=2)
    await append(connection, "r", AUGUST, org_a=1)
    assert [await used_in_month(connection, id_, JULY) for id_ in ("org_a", "org_b", "org_c")] == [5, 1, 0]
    assert await used_in_month(connection, "org_a", AUGUST) == 1
    assert await check_billed_usage(connection) == []


async def test_a_batch_that_is_sent_twice_is_counted_once(connection: Connection) -> None:
    batch = Batch("p", 1, JULY, [replace(used("key_a", JULY), billed=True)])
    await append_batch(connection, batch)
    await append_batch(connection, batch)
    assert await used_in_month(connection, "org_a", JULY) == 1


@pytest.mark.parametrize(
    "damage",
    [
        "update billed_uses set uses = uses + 1 where organization_id = 'org_a'",
        "delete from billed_uses where organization_id = 'org_a'",
        "insert into billed_uses values ('org_a', '2020-01-01', 5, 1)",
    ],
)
async def test_a_count_that_differs_from_the_log_is_detected(connection: Connection, damage: str) -> None:
    await append(connection, "p", now(), org_a=3, org_b=1)
    assert await check_billed_usage(connection) == []
    await connection.execute(damage.encode())
    (line,) = await check_billed_usage(connection)
    assert line.startswith("I4 billed_uses org_a ")
