"""The cost of a key list query does not grow with the organization.

Cost is measured in pages of tables and indexes, by EXPLAIN (ANALYZE, BUFFERS), and not in time. In an organization with
30,000 keys, reading all of them in any order exceeds the bounds here by far.
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
from projections.read_models.keys.list import search as search_module
from projections.read_models.keys.list.filters import Filters, Order, ReachedMcp, Sort
from projections.read_models.keys.list.page import Listed, Position, total
from projections.read_models.keys.list.search import SMALL_RESULT, OffsetTooLarge, SearchResult, count_up_to, search

KEYS = 30_000
NOW = datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)
SORTS: tuple[Sort, ...] = ("created_at", "name", "expires_at", "last_used")
ORDERS: tuple[Order, ...] = ("asc", "desc")
ORDERED_PAGES_MAX = 500
"""Pages for one page of a list that is read in its order: a few ranges of an index and twenty states."""
LOOKUP_PAGES_MAX = 12
"""Pages for one key that is looked up by its id: two or three tables with their indexes."""

BY_STATUS_AND_ENVIRONMENT: list[dict[str, Any]] = [
    {},
    {"environment": "test"},
    {"status": "active"},
    {"status": "revoked"},
    {"status": "disabled"},
    {"status": "expired"},
    {"status": "revoked", "environment": "test"},
]
COMMON_MCP = ReachedMcp("mcp_common", "live")
SELECTIVE: list[dict[str, Any]] = [
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
    {"rotation_ends_within_days": 1},
    {"open_grant": "keys:write"},
    {"never_used_for_days": 10, "status": "revoked"},
]
BROAD: list[dict[str, Any]] = [
    {"q": "deploy"},
    {"created_by": "user_owner"},
    {"mcp": COMMON_MCP},
    {"mcp": ReachedMcp("mcp_common", "test")},
    {"unused_for_days": 1, "environment": "live"},
    {"q": "service", "mcp": COMMON_MCP},
    {"unused_for_days": 1},
    {"never_used_for_days": 1},
    {"never_expires": True},
    {"all_mcps": True, "status": "active"},
    {"all_mcps": True, "created_by": "user_owner"},
]


class CountingConnection(AsyncConnection[TupleRow]):
    """Explain every statement before executing it, and count the pages read."""

    pages: int = 0

    async def execute(  # pyright: ignore[reportIncompatibleMethodOverride] -- the part of `execute` that `find` uses
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
    """An organization with many keys, and searches of its keys with their cost."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self._connection = self._runner.run(CountingConnection.connect(url, autocommit=True, row_factory=tuple_row))
        self._runner.run(self._bind())

    def close(self) -> None:
        self._runner.run(self._connection.close())
        self._runner.close()

    @property
    def pages(self) -> int:
        """Return the number of database pages read so far."""
        return self._connection.pages

    def find(self, filters: dict[str, Any], **options: Any) -> tuple[SearchResult, int]:  # noqa: ANN401 -- of find
        """Return the page and the number of database pages read for it."""
        before = self.pages
        wanted = Filters("org_many", **filters)
        arguments: dict[str, Any] = {"sort": "created_at", "order": "desc", "limit": 21, **options}
        found = self._runner.run(search(self._connection, wanted, NOW, offset_max=OFFSET_MAX, **arguments))
        return found, self.pages - before

    def count(self, filters: dict[str, Any], limit: int) -> tuple[tuple[int, bool], int]:
        """Return the result of counting up to a limit, and the number of database pages read for it."""
        before = self.pages
        counted = self._runner.run(count_up_to(self._connection, Filters("org_many", **filters), NOW, limit))
        return counted, self.pages - before

    def total(self, filters: dict[str, Any]) -> int:
        """Return the number of keys, counted one by one."""
        return self._runner.run(total(self._connection, Filters("org_many", **filters), NOW))

    async def _bind(self) -> None:
        plain = super(CountingConnection, self._connection).execute
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
@pytest.mark.parametrize("filters", BY_STATUS_AND_ENVIRONMENT, ids=str)
def test_a_list_by_status_and_environment_is_read_in_its_order(
    many: Many, filters: dict[str, Any], sort: Sort, order: Order
) -> None:
    found, pages = many.find(filters, sort=sort, order=order)
    assert len(found.listed) == 21
    assert pages <= ORDERED_PAGES_MAX
    assert (found.total, found.total_exact) == (many.total(filters), True)


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("filters", SELECTIVE, ids=str)
def test_a_selective_filter_reads_few_pages(many: Many, filters: dict[str, Any], sort: Sort) -> None:
    found, pages = many.find(filters, sort=sort)
    assert (found.total, found.total_exact) == (many.total(filters), True)
    assert found.total <= SMALL_RESULT
    assert pages <= ORDERED_PAGES_MAX + LOOKUP_PAGES_MAX * max(found.total, 1_000)


@pytest.mark.parametrize("filters", BROAD, ids=str)
def test_a_broad_filter_fills_a_page_early(many: Many, filters: dict[str, Any]) -> None:
    found, pages = many.find(filters)
    assert len(found.listed) == 21
    assert pages <= ORDERED_PAGES_MAX + LOOKUP_PAGES_MAX * 1_000
    counted = many.total(filters)
    assert found.total == counted if found.total_exact else 21 <= found.total <= counted


@pytest.mark.parametrize("filters", [*SELECTIVE, *BROAD], ids=str)
def test_counting_up_to_a_limit_reads_few_pages(many: Many, filters: dict[str, Any]) -> None:
    (counted, exact), pages = many.count(filters, 1_000)
    assert pages <= ORDERED_PAGES_MAX + LOOKUP_PAGES_MAX * 1_000
    total = many.total(filters)
    assert counted == total if exact else 0 < counted <= total


def test_a_revoked_key_is_not_listed_as_expiring(many: Many) -> None:
    assert many.find({"status": "revoked", "expiring_within_days": 30}) == (SearchResult([], 0, total_exact=True), 0)


@pytest.mark.parametrize("number", [1, KEYS // 2, KEYS - 10])
def test_the_next_page_costs_the_same_at_every_cursor(many: Many, number: int) -> None:
    """Start at the first key, in the middle, and near the end."""
    created_at = NOW - timedelta(seconds=1 + 30 * (KEYS - number))
    found, pages = many.find({}, order="asc", after=Position(created_at.isoformat(), f"key_{number:026}"))
    assert len(found.listed) == min(21, KEYS - number)
    assert pages <= ORDERED_PAGES_MAX


@pytest.mark.parametrize("sort", SORTS)
def test_a_page_ends_after_a_maximum_of_checked_keys_and_the_next_one_continues_there(
    many: Many, sort: Sort, monkeypatch: pytest.MonkeyPatch
) -> None:
    filters = {"q": "deploy-1"}
    monkeypatch.setattr(search_module, "CHECKED_MAX", 2 * KEYS)
    whole, _ = many.find(filters, sort=sort, limit=KEYS)
    assert whole.searched is None
    monkeypatch.setattr(search_module, "CHECKED_MAX", 2_000)
    parts: list[list[Listed]] = []
    after = None
    while after is not None or not parts:
        part, _ = many.find(filters, sort=sort, limit=KEYS, after=after)
        parts.append(part.listed)
        after = part.searched
    assert [listed for part in parts for listed in part] == whole.listed
    assert len(parts) == KEYS // 2_000 + 1
    if sort == "created_at":
        assert parts[0] == [], "the newest keys do not match"


def test_offsets_beyond_the_limit_are_refused(many: Many) -> None:
    found, pages = many.find({}, offset=OFFSET_MAX)
    assert len(found.listed) == 21
    assert pages <= OFFSET_MAX
    with pytest.raises(OffsetTooLarge):
        many.find({}, offset=OFFSET_MAX + 1)
    beyond, _ = many.find({"status": "disabled"}, offset=OFFSET_MAX + 1)
    assert beyond.listed == [], "any offset beyond the end of a short list gives an empty page"


def test_reading_a_whole_list_exceeds_the_bounds(many: Many) -> None:
    """Counting the keys one by one exceeds the bounds, so the bounds are meaningful."""
    before = many.pages
    many.total({"q": "deploy"})
    assert many.pages - before > ORDERED_PAGES_MAX
