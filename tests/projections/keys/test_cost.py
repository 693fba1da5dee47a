"""Whatever a list is asked for, what PostgreSQL reads for it does not grow with the organization.

Not measured in time but in pages of tables and indexes, by EXPLAIN (ANALYZE, BUFFERS), in an organization with 30,000
keys: reading all of it in any order takes far more than the bounds here.
"""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection, AsyncCursor, sql
from psycopg.rows import TupleRow, tuple_row

from app.http.pagination import OFFSET_MAX
from embedded.postgres import PostgreSQL
from infrastructure.database.connections import APP_ROLE
from projections.read_models.keys.list.filters import Filters, Order, ReachedMcp, Sort
from projections.read_models.keys.list.page import total
from projections.read_models.keys.list.search import SMALL_RESULT, OffsetTooLarge, SearchResult, search

KEYS = 30_000
NOW = datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)
SORTS: tuple[Sort, ...] = ("created_at", "name", "expires_at", "last_used")
ORDERS: tuple[Order, ...] = ("asc", "desc")
READ_IN_ORDER = 500
"""Pages for one page of a list that is read in its order: a few ranges of an index, twenty states."""
A_LOOK_UP = 12
"""Pages for one key that is looked up by its id: two or three tables with their indexes."""

CELLS: list[dict[str, Any]] = [
    {},
    {"environment": "test"},
    {"status": "active"},
    {"status": "revoked"},
    {"status": "disabled"},
    {"status": "expired"},
    {"status": "revoked", "environment": "test"},
]
COMMON_MCP = ReachedMcp("mcp_common", "live")
FEWER: list[dict[str, Any]] = [
    {"q": "pk_live_ab"},
    {"q": "deploy-77"},
    {"q": "nothing"},
    {"q": "service 55", "status": "revoked"},
    {"created_by": "user_rare"},
    {"created_by": "user_rare", "status": "active"},
    {"mcp": COMMON_MCP, "q": "deploy-77"},
    {"expiring_within_days": 7},
    {"expiring_within_days": 30, "environment": "live"},
    {"unused_for_days": 10, "status": "revoked"},
]
MANY: list[dict[str, Any]] = [
    {"q": "deploy"},
    {"created_by": "user_owner"},
    {"mcp": COMMON_MCP},
    {"mcp": ReachedMcp("mcp_common", "test")},
    {"unused_for_days": 1, "environment": "live"},
    {"q": "service", "mcp": COMMON_MCP},
    {"unused_for_days": 1},
]


class Watched(AsyncConnection[TupleRow]):
    """Explains every statement before it runs it, and counts the pages that were read for it."""

    pages: int = 0

    async def execute(  # pyright: ignore[reportIncompatibleMethodOverride] -- what `find` asks of a connection
        self,
        query: bytes | sql.Composed,
        params: Mapping[str, Any] | None = None,
        *,
        prepare: bool | None = None,
    ) -> AsyncCursor[TupleRow]:
        text = query if isinstance(query, bytes) else query.as_bytes(self)
        explained = await super().execute(b"explain (analyze, buffers, format json) " + text, params, prepare=False)
        row = await explained.fetchone()
        assert row is not None
        plan: dict[str, Any] = row[0][0]["Plan"]
        self.pages += int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])
        return await super().execute(query, params, prepare=prepare)


class Many:
    """An organization with many keys, and a list of them with its cost."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self._connection = self._runner.run(Watched.connect(url, autocommit=True, row_factory=tuple_row))
        self._runner.run(self._bind())

    def close(self) -> None:
        self._runner.run(self._connection.close())
        self._runner.close()

    @property
    def pages(self) -> int:
        """What was read so far, in pages of the database."""
        return self._connection.pages

    def find(self, filters: dict[str, Any], **how: Any) -> tuple[SearchResult, int]:  # noqa: ANN401 -- of find
        """The page, and how many pages of the database it took."""
        before = self.pages
        wanted = Filters("org_many", **filters)
        asked: dict[str, Any] = {"sort": "created_at", "order": "desc", "limit": 21, **how}
        found = self._runner.run(search(self._connection, wanted, NOW, offset_max=OFFSET_MAX, **asked))
        return found, self.pages - before

    def total(self, filters: dict[str, Any]) -> int:
        """Counted one by one."""
        return self._runner.run(total(self._connection, Filters("org_many", **filters), NOW))

    async def _bind(self) -> None:
        plain = super(Watched, self._connection).execute
        await plain(sql.SQL("set role {}").format(sql.Identifier(APP_ROLE)))
        await plain(b"set keyledger.organization_id = 'org_many'")


@pytest.fixture(scope="module")
def many(postgres: PostgreSQL, migrated_template: str) -> Iterator[Many]:
    name = sql.Identifier("key_list_cost")
    with psycopg.connect(postgres.url, autocommit=True) as owner:
        owner.execute(sql.SQL("create database {} template {}").format(name, sql.Identifier(migrated_template)))
    url = postgres.url_of("key_list_cost")
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as owner:
        script = Path(__file__).with_name("many.sql").read_bytes()
        owner.execute(script, {"keys": KEYS, "organization_id": "org_many"})
        owner.execute(b"vacuum (analyze)")
    opened = Many(url)
    yield opened
    opened.close()
    with psycopg.connect(postgres.url, autocommit=True) as owner:
        owner.execute(sql.SQL("drop database {} with (force)").format(name))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("filters", CELLS, ids=str)
def test_a_list_by_status_and_environment_is_read_in_its_order(
    many: Many, filters: dict[str, Any], sort: Sort, order: Order
) -> None:
    found, pages = many.find(filters, sort=sort, order=order)
    assert len(found.listed) == 21
    assert pages <= READ_IN_ORDER
    assert (found.total, found.total_exact) == (many.total(filters), True)


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("filters", FEWER, ids=str)
def test_what_leaves_few_keys_reads_few(many: Many, filters: dict[str, Any], sort: Sort) -> None:
    found, pages = many.find(filters, sort=sort)
    assert (found.total, found.total_exact) == (many.total(filters), True)
    assert found.total <= SMALL_RESULT
    assert pages <= READ_IN_ORDER + A_LOOK_UP * max(found.total, 1_000)


@pytest.mark.parametrize("filters", MANY, ids=str)
def test_what_many_keys_fit_is_soon_found(many: Many, filters: dict[str, Any]) -> None:
    found, pages = many.find(filters)
    assert len(found.listed) == 21
    assert pages <= READ_IN_ORDER + A_LOOK_UP * 1_000
    counted = many.total(filters)
    assert found.total == counted if found.total_exact else 21 <= found.total <= counted


def test_a_revoked_key_does_not_expire(many: Many) -> None:
    assert many.find({"status": "revoked", "expiring_within_days": 30}) == (SearchResult([], 0, total_exact=True), 0)


@pytest.mark.parametrize("number", [1, KEYS // 2, KEYS - 10])
def test_where_a_list_goes_on_costs_the_same_everywhere(many: Many, number: int) -> None:
    """By cursor: at the beginning, in the middle, and to the very end."""
    created_at = NOW - timedelta(seconds=1 + 30 * (KEYS - number))
    found, pages = many.find({}, order="asc", after=(created_at.isoformat(), f"key_{number:026}"))
    assert len(found.listed) == min(21, KEYS - number)
    assert pages <= READ_IN_ORDER


def test_pages_by_number_reach_so_far_and_no_further(many: Many) -> None:
    found, pages = many.find({}, offset=OFFSET_MAX)
    assert len(found.listed) == 21
    assert pages <= OFFSET_MAX
    with pytest.raises(OffsetTooLarge):
        many.find({}, offset=OFFSET_MAX + 1)
    beyond, _ = many.find({"status": "disabled"}, offset=OFFSET_MAX + 1)
    assert beyond.listed == [], "beyond the end of a short list there is nothing, however deep"


def test_a_list_read_whole_would_be_noticed(many: Many) -> None:
    """The bounds mean something: counting the keys one by one breaks them."""
    before = many.pages
    many.total({"q": "deploy"})
    assert many.pages - before > READ_IN_ORDER
