"""Search in the key list: a page and a total, at a cost that does not grow with the organization.

If a filter leaves few keys, they are fetched, checked, sorted and counted. If it leaves many, the page is read in its
order, which soon has enough matches, or ends after a maximum of keys, where the next page continues. The total then
comes from the counts that change with the log. For combinations that have no such count, it is a lower bound.
"""

from datetime import datetime
from typing import Any, NamedTuple

from msgspec import structs
from psycopg import sql

from domain.environment import Environment
from infrastructure.database.connections import Connection
from projections.read_models.keys.list.filters import (
    STATUSES,
    TIME_DEPENDENT,
    Filters,
    Order,
    Sort,
    conditions,
    parameters,
    partitions,
    recorded,
)
from projections.read_models.keys.list.page import (
    ALL,
    DIRECTIONS,
    SORT_KEYS,
    Listed,
    Position,
    in_any_cell,
    last_checked,
    page,
    tables,
    total,
)
from projections.read_models.keys.list.queries import SQL
from projections.read_models.keys.list.search_terms import EVERY_MCP, created_by, mcp_term

SMALL_RESULT = 5_000
"""The maximum number of keys that are checked one by one."""
CHECKED_MAX = 20_000
"""The maximum number of keys of a larger result that one page checks, in the order of the list."""
SAMPLE = 1_000
"""The number of keys of a larger result that are checked for a lower bound of the total."""


class OffsetTooLarge(Exception):
    """The page starts too far into a large result: the database would have to skip every key before it."""


class SearchResult(NamedTuple):
    """A page with its total. Unless `total_exact`, `total` is a lower bound.

    `searched` is where the search ended before the page was full.
    """

    listed: list[Listed]
    total: int
    total_exact: bool
    searched: Position | None = None


async def search(
    connection: Connection,
    filters: Filters,
    at: datetime,
    *,
    sort: Sort,
    order: Order,
    limit: int,
    offset: int = 0,
    offset_max: int,
    after: Position | None = None,
) -> SearchResult:
    """Return a `page` with the total. Raises `OffsetTooLarge` for an `offset` above `offset_max` in a large result."""
    if not partitions(filters):
        return SearchResult([], 0, total_exact=True)
    narrowest = await _most_selective(connection, filters, at)
    if narrowest is not None and narrowest.size <= SMALL_RESULT:
        return await _small_result(
            connection, narrowest.keys, filters, at, sort=sort, order=order, limit=limit, offset=offset, after=after
        )
    count = await _counted(connection, filters, at)
    if count is not None and offset >= count:
        return SearchResult([], count, total_exact=True)
    if offset > offset_max:
        raise OffsetTooLarge
    listed = await page(
        connection,
        filters,
        at,
        sort=sort,
        order=order,
        limit=limit,
        offset=offset,
        after=after,
        checked_max=CHECKED_MAX,
    )
    searched = None
    if len(listed) < limit:
        searched = await last_checked(
            connection, filters, at, sort=sort, order=order, after=after, checked_max=CHECKED_MAX
        )
    if count is not None or narrowest is None:
        return SearchResult(listed, count or 0, total_exact=True, searched=searched)
    at_least = await _at_least(connection, narrowest.keys, filters, at)
    return SearchResult(listed, max(at_least, offset + len(listed)), total_exact=False, searched=searched)


class _Source(NamedTuple):
    """A statement that returns the ids of keys, at most `few` and one more, and how many they are."""

    keys: sql.SQL
    size: int


async def _most_selective(
    connection: Connection, filters: Filters, at: datetime, few: int = SMALL_RESULT
) -> _Source | None:
    """Return the filter that leaves the fewest keys, or None if every key matches."""
    sources = _sources(filters)
    if not sources:
        return None
    sizes = sql.SQL(", ").join([sql.SQL("(select count(*) from ({}) as source)").format(source) for source in sources])
    cursor = await connection.execute(
        sql.SQL("select {}").format(sizes), parameters(filters, at) | {"few": few}, prepare=False
    )
    row = await cursor.fetchone()
    return min(map(_Source, sources, row or ()), key=lambda source: source.size)


def _sources(filters: Filters) -> list[sql.SQL]:
    """Return a statement for each filter except environment and status. Each uses only one index."""
    given = (
        (filters.q is not None, _BY_TERM),
        (filters.mcp is not None, _BY_MCP),
        (filters.created_by is not None, _BY_CREATOR),
        (filters.expiring_within_days is not None, _BY_EXPIRY),
        (filters.unused_for_days is not None, _BY_DISUSE),
        (filters.never_used_for_days is not None, _BY_NO_USE),
        (filters.never_expires, _BY_NO_EXPIRY),
        (filters.all_mcps, _BY_EVERY_MCP),
        (filters.rotation_ends_within_days is not None, _BY_ROTATION),
        (filters.open_grant is not None, _BY_OPEN_GRANT),
    )
    return [source for is_given, source in given if is_given]


# A key is found once for each of its matching words.
_BY_TERM = sql.SQL(
    "select key_id from key_terms"
    " where organization_id = %(organization_id)s and term >= %(term_first)s and term < %(term_last)s"
    " order by term, key_id limit %(few)s + 1"
)
_BY_MCP = sql.SQL(
    "select key_id from key_terms where organization_id = %(organization_id)s and term = any(%(mcp_terms)s)"
    " order by term, key_id limit %(few)s + 1"
)
_BY_CREATOR = sql.SQL(
    "select key_id from key_list where organization_id = %(organization_id)s and created_by = %(created_by)s"
    " and environment = any(%(environments)s) and status = any(%(statuses)s)"
    " order by environment, status, created_at limit %(few)s + 1"
)
_BY_EXPIRY = sql.SQL(
    "select key_id from key_list where organization_id = %(organization_id)s"
    " and environment = any(%(environments)s) and status = any(%(statuses)s)"
    " and ends_at > %(at)s and ends_at <= %(expiring_by)s"
    " order by environment, status, ends_at limit %(few)s + 1"
)
_BY_DISUSE = sql.SQL(
    "(select key_id from key_recency where organization_id = %(organization_id)s"
    " and environment = any(%(environments)s) and status = any(%(statuses)s)"
    " and last_used > '-infinity' and last_used < %(unused_since)s"
    " order by environment, status, last_used limit %(few)s + 1)"
    " union all"
    " (select key_id from key_recency where organization_id = %(organization_id)s"
    " and environment = any(%(environments)s) and status = any(%(statuses)s)"
    " and last_used = '-infinity' and created_at < %(unused_since)s"
    " order by environment, status, created_at limit %(few)s + 1)"
    " limit %(few)s + 1"
)
_BY_NO_USE = sql.SQL(
    "select key_id from key_recency where organization_id = %(organization_id)s"
    " and environment = any(%(environments)s) and status = any(%(statuses)s)"
    " and last_used = '-infinity' and created_at < %(never_used_since)s"
    " order by environment, status, created_at limit %(few)s + 1"
)
_BY_NO_EXPIRY = sql.SQL(
    "select key_id from key_list where organization_id = %(organization_id)s"
    " and environment = any(%(environments)s) and status = any(%(statuses)s) and ends_at = 'infinity'"
    " order by environment, status, ends_at limit %(few)s + 1"
)
_BY_EVERY_MCP = sql.SQL(
    "select key_id from key_terms where organization_id = %(organization_id)s and term = %(every_mcp)s"
    " order by term, key_id limit %(few)s + 1"
)
_BY_ROTATION = sql.SQL(
    "select key_id from key_list where organization_id = %(organization_id)s"
    " and secrets_end_at > %(at)s and secrets_end_at <= %(rotation_ends_by)s order by secrets_end_at limit %(few)s + 1"
)
_BY_OPEN_GRANT = sql.SQL(
    "select key_id from key_terms where organization_id = %(organization_id)s and term = %(open_term)s"
    " order by term, key_id limit %(few)s + 1"
)


async def _small_result(
    connection: Connection,
    keys: sql.SQL,
    filters: Filters,
    at: datetime,
    *,
    sort: Sort,
    order: Order,
    limit: int,
    offset: int,
    after: Position | None,
) -> SearchResult:
    """Return the page and the total of the keys that `keys` returns."""
    direction, comparison = DIRECTIONS[order]
    values = parameters(filters, at) | {"few": SMALL_RESULT, "limit": limit, "offset": offset}
    position = sql.SQL("true")
    if after is not None:
        position = sql.SQL("(value, key_id) {} (%(after_value)s::{}, %(after_id)s::text)").format(
            comparison, SORT_KEYS[sort].kind
        )
        values |= {"after_value": after.value, "after_id": after.key_id}
    query = sql.SQL(
        "with fitting as materialized ({fitting}), page as materialized ("
        " select key_id, value from fitting where {position}"
        " order by value {direction}, key_id {direction} limit %(limit)s offset %(offset)s"
        ") select counted.keys, s.state, page.value::text"
        " from (select count(*) as keys from fitting) as counted"
        " left join (page join key_state s using (key_id)) on true"
        " order by page.value {direction}, page.key_id {direction}"
    ).format(fitting=_matching(keys, filters, sort), position=position, direction=direction)
    cursor = await connection.execute(query, values, prepare=False)
    rows = await cursor.fetchall()
    listed = [Listed(bytes(state), text) for _, state, text in rows if state is not None]
    return SearchResult(listed, rows[0][0], total_exact=True)


async def _at_least(connection: Connection, keys: sql.SQL, filters: Filters, at: datetime) -> int:
    """Return how many keys of a sample of `keys` match, or of all of them if there are no other conditions."""
    if len(_sources(filters)) == 1 and filters.status is None and filters.environment is None:
        query, few = sql.SQL("select count(distinct key_id) from ({}) as source").format(keys), SMALL_RESULT
    else:
        query, few = (
            sql.SQL("select count(*) from ({}) as found").format(_matching(keys, filters, "created_at")),
            SAMPLE,
        )
    cursor = await connection.execute(query, parameters(filters, at) | {"few": few}, prepare=False)
    row = await cursor.fetchone()
    return row[0] if row else 0


def _matching(keys: sql.SQL, filters: Filters, sort: Sort) -> sql.Composed:
    """Return the statement that returns the id and sort value of the matching keys.

    Each key is looked up by its id (`offset 0` ensures this). Otherwise the planner would read the whole table for ten
    thousand keys.
    """
    return sql.SQL(
        "select chosen.key_id, one.value from (select distinct key_id from ({keys}) as source) as chosen"
        " cross join lateral ("
        " select {value} as value from {tables} where k.key_id = chosen.key_id and {conditions} and {cells} offset 0"
        ") as one"
    ).format(
        keys=keys,
        value=SORT_KEYS[sort].value,
        tables=tables(filters, sort),
        conditions=ALL.join(conditions(filters)),
        cells=in_any_cell(filters),
    )


async def _counted(connection: Connection, filters: Filters, at: datetime) -> int | None:
    """Return the total from the counts that change with the log, or None if they do not cover the combination."""
    others = (
        filters.q,
        filters.expiring_within_days,
        filters.unused_for_days,
        filters.never_used_for_days,
        filters.rotation_ends_within_days,
        filters.open_grant,
    )
    selects_mcps = filters.all_mcps or filters.mcp is not None
    if filters.never_expires or any(other is not None for other in others):
        return None
    if filters.created_by is not None and selects_mcps:
        return None
    values = {
        "organization_id": filters.organization_id,
        "environments": filters.environments,
        "at": at,
        "created_by": filters.created_by,
        "mcp_id": None if filters.mcp is None else filters.mcp.id,
        "mcp_environment": None if filters.mcp is None else filters.mcp.environment,
        "all_mcps": filters.all_mcps,
    }
    statuses = STATUSES if filters.status is None else (filters.status,)
    count = 0
    for facet, environments in _facets(filters):
        counted = {"facets": [facet], "environments": environments, "statuses": list(statuses)}
        count += await _one(connection, SQL.counted, values | counted)
    if filters.status in TIME_DEPENDENT:
        return count - await _one(connection, SQL.overdue, values | {"statuses": [filters.status]})
    if filters.status == "expired":
        return count + await _one(connection, SQL.overdue, values | {"statuses": list(TIME_DEPENDENT)})
    return count


async def exact_total(connection: Connection, filters: Filters, at: datetime) -> int:
    """Return the number of keys: from the counts that change with the log, otherwise counted one by one."""
    others = (filters.q, filters.expiring_within_days, filters.unused_for_days, filters.ids, filters.created_before)
    has_both = filters.created_by is not None and filters.mcp is not None
    if has_both or filters.status not in {None, "revoked"} or any(other is not None for other in others):
        return await total(connection, filters, at)
    count = 0
    for facet, environments in _facets(filters):
        counted = {"facets": [facet], "environments": environments, "statuses": recorded(filters)}
        count += await _one(connection, SQL.counted, {"organization_id": filters.organization_id, **counted})
    if filters.without_id is not None:
        left_out = structs.replace(filters, ids=(filters.without_id,), without_id=None)
        count -= await total(connection, left_out, at)
    return count


def _facets(filters: Filters) -> list[tuple[str, list[Environment]]]:
    """Return the counts that make up the total, and the environments in which each of them counts."""
    if filters.mcp is None:
        facet = "" if filters.created_by is None else created_by(filters.created_by)
        return [(EVERY_MCP if filters.all_mcps else facet, filters.environments)]
    reached: list[Environment] = [
        environment for environment in filters.environments if environment == filters.mcp.environment
    ]
    facets: list[tuple[str, list[Environment]]] = [(EVERY_MCP, reached)]
    return facets if filters.all_mcps else [*facets, (mcp_term(filters.mcp.id), filters.environments)]


async def count_up_to(connection: Connection, filters: Filters, at: datetime, limit: int) -> tuple[int, bool]:
    """Return how many keys match, and whether this is all of them. At most about `limit` keys are checked."""
    counted = await _counted(connection, filters, at)
    if counted is not None:
        return counted, True
    source = await _most_selective(connection, filters, at, few=limit)
    if source is None:
        raise ValueError("Without a filter, the number of keys is a count")
    values = parameters(filters, at) | {"few": limit}
    query = sql.SQL("select count(*) from ({}) as found").format(_matching(source.keys, filters, "created_at"))
    row = await (await connection.execute(query, values, prepare=False)).fetchone()
    return min(row[0] if row else 0, limit), source.size <= limit


async def _one(connection: Connection, query: bytes, values: dict[str, Any]) -> int:
    row = await (await connection.execute(query, values, prepare=False)).fetchone()
    return row[0] if row else 0
