"""A search for uses plans for the days that it reads: planning for all ninety takes longer than reading a page."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from eventstore.usage_batch import Batch
from infrastructure.database.connections import Connection, connect
from projections.log_queries.activity.entries import LATEST, ends_around
from projections.log_queries.activity.filters import UseFilters
from projections.log_queries.activity.organization import SQL as ORGANIZATION_SQL
from projections.log_queries.activity.queries import SQL as KEY_SQL
from projections.log_queries.activity.queries import Span, entries
from tests.eventstore.pipelines import append
from tests.projections.usage.uses import used

pytestmark = pytest.mark.anyio

DAY = datetime(2031, 5, 17, 9, tzinfo=UTC)
DAYS = 5
DENIED, ENDED = UseFilters(status="denied"), UseFilters(status="success", reason="timeout")


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    """A connection as the owner of the tables, to a log with a use on each of several days."""
    async with await connect(database_url, role=None) as opened:
        for day in range(DAYS):
            at = DAY + timedelta(days=day)
            await append(opened, Batch("p", day, at, [used("key_a", at)]))
        yield opened


async def partitions(connection: Connection, statement: bytes, filters: UseFilters) -> set[str]:
    """Return the days of the partitions that the plan of a search of the third day contains."""
    since = DAY + timedelta(days=2)
    until = since + timedelta(hours=1)
    ended = ends_around(since, until)
    parameters: dict[str, Any] = {
        "organization_id": "org_a",
        "key_id": "key_a",
        "since": since,
        "until": until,
        "ended_since": ended.since,
        "ended_until": ended.until,
        "created_by": None,
        "ascending": False,
        "last_at": LATEST,
        "last_id": "~",
        "after_at": since,
        "after_id": "",
        "scan": 100,
        "limit": 10,
        **filters.parameters(),
    }
    cursor = await connection.execute(b"explain " + statement, parameters, prepare=False)
    plan = "\n".join(line for (line,) in await cursor.fetchall())
    return set(re.findall(r"on usage_events_\d{6}(\d\d)", plan))


@pytest.mark.parametrize(
    "statement",
    [ORGANIZATION_SQL.listed_uses, ORGANIZATION_SQL.unlisted_uses, KEY_SQL.uses, KEY_SQL.next_uses],
    ids=["listed", "unlisted", "of a key", "next of a key"],
)
@pytest.mark.parametrize("filters", [UseFilters(), DENIED], ids=["all", "denied"])
async def test_a_search_of_one_day_plans_for_its_partition(
    connection: Connection, statement: bytes, filters: UseFilters
) -> None:
    assert await partitions(connection, statement, filters) == {"19"}


@pytest.mark.parametrize(
    "statement",
    [
        ORGANIZATION_SQL.listed_uses_by_end,
        ORGANIZATION_SQL.unlisted_uses_by_end,
        KEY_SQL.uses_by_end,
        KEY_SQL.next_uses_by_end,
    ],
    ids=["listed", "unlisted", "of a key", "next of a key"],
)
async def test_ends_of_calls_are_searched_until_a_day_later(connection: Connection, statement: bytes) -> None:
    assert await partitions(connection, statement, ENDED) == {"19", "20"}


@pytest.mark.parametrize(("days", "plans"), [(7, []), (30, [(1, 0)])])
async def test_a_search_of_many_days_is_planned_once_for_all_parameters(
    connection: Connection, days: int, plans: list[tuple[int, int]]
) -> None:
    until = DAY + timedelta(days=DAYS)
    span = Span(since=until - timedelta(days=days), until=until)
    async with connection.transaction():
        found = await entries(connection, "key_a", "org_a", span, 10)
    assert len(found.entries) == DAYS
    cursor = await connection.execute(
        "select generic_plans, custom_plans from pg_prepared_statements where statement like '%searched as%'"
    )
    assert await cursor.fetchall() == plans
