"""A page of the key list, read in its order.

The order is a merge of one index range for each environment and status, so a list of few of them is no slower than one
of all. Conditions that no index in that order covers are checked key by key, in the order of the merge and no further
than the page needs. This is fast if many keys match, and otherwise ends after a maximum. See `search.py`.
"""

from datetime import datetime
from typing import Any, NamedTuple

from psycopg import sql

from infrastructure.database.connections import Connection
from projections.read_models.keys.list.filters import (
    EXPIRING,
    KEY,
    NEVER_EXPIRES,
    NEVER_USED,
    OLD_ENOUGH,
    RECENCY,
    UNUSED,
    Cell,
    Filters,
    Order,
    Sort,
    conditions,
    in_cell,
    is_overdue,
    parameters,
    partitions,
    recorded_in,
)


class Listed(NamedTuple):
    """A key as `key_state` stores it, and its sort value as text."""

    state: bytes
    value: str


class Position(NamedTuple):
    """A place in the order of a list: the sort value as text, and the id of a key."""

    value: str
    key_id: str


class SortKey(NamedTuple):
    """The sort key of a list: the column, the id column next to it, and the type of the value."""

    value: sql.SQL
    key_id: sql.SQL
    kind: sql.SQL


# Keys without the instant come last in ascending order if they never expire, and first if they were never used.
SORT_KEYS: dict[Sort, SortKey] = {
    "created_at": SortKey(sql.SQL("k.created_at"), sql.SQL("k.key_id"), sql.SQL("timestamptz")),
    "expires_at": SortKey(sql.SQL("k.ends_at"), sql.SQL("k.key_id"), sql.SQL("timestamptz")),
    "last_used": SortKey(sql.SQL("r.last_used"), sql.SQL("r.key_id"), sql.SQL("timestamptz")),
    "name": SortKey(sql.SQL("k.name_key"), sql.SQL("k.key_id"), sql.SQL("text")),
}
DIRECTIONS: dict[Order, tuple[sql.SQL, sql.SQL]] = {
    "asc": (sql.SQL("asc"), sql.SQL(">")),
    "desc": (sql.SQL("desc"), sql.SQL("<")),
}
_KEYS = sql.SQL("key_list k")
_USES = sql.SQL("key_recency r")
_KEYS_AND_USES = sql.SQL(
    "key_list k join key_recency r on r.key_id = k.key_id and r.organization_id = k.organization_id"
)
_ANY = sql.SQL(" or ")
ALL = sql.SQL(" and ")
_MERGED = sql.SQL(" union all ")
# Each range has its own limit. Without it, the planner may sort a merge of whole ranges.
_SELECTED = sql.SQL("select {key_id}, {value} as value from {tables} where {conditions}")
_RANGE = sql.SQL("({selected} order by {value} {direction}, {key_id} {direction} limit %(limit)s + %(offset)s)")

# Without a limit, because a range in which no key matches would be read to its end. `offset 0` and the limit of the
# merge keep the order, and the merge reads no more of any range than the page needs.
_WHOLE_RANGE = sql.SQL(
    "(select {columns}, {value} as value from {tables} where {conditions}"
    " order by {value} {direction}, {key_id} {direction} offset 0)"
)
_MERGE = sql.SQL(
    "select * from ({ranges}) as ranges order by value {direction}, key_id {direction} limit %(checked_max)s"
)
_MATCHING_KEYS = sql.SQL("select k.key_id, k.value from ({merge}) as k {uses} where {conditions}")
_JOIN_USES = sql.SQL(
    "cross join lateral (select r.last_used from key_recency r"
    " where r.key_id = k.key_id and r.organization_id = k.organization_id offset 0) as r"
)
_MATCHING_USES = sql.SQL(
    "select r.key_id, r.value from ({merge}) as r"
    " cross join lateral (select k.* from key_list k"
    " where k.key_id = r.key_id and k.organization_id = %(organization_id)s offset 0) as k where {conditions}"
)
_DISABLE_SORT = b"select set_config('enable_sort', 'off', true)"
"""For this transaction: the planner estimates that sorting a whole range is cheaper than an index scan."""

# Not ordered: these keys are few, found by their expiry, and far apart in the order of the list.
_FEW_OVERDUE = sql.SQL("(select key_id, value from ({selected} offset 0) as overdue)")


def in_any_cell(filters: Filters) -> sql.Composed:
    """Return the condition that a key is in one of the cells, by the columns of `key_list`."""
    return sql.SQL("({})").format(_ANY.join([in_cell(filters, cell, KEY) for cell in partitions(filters)]))


def tables(filters: Filters, sort: Sort) -> sql.SQL:
    """Return the tables that contain the conditions and the order of a list."""
    if sort == "last_used" or filters.needs_recency:
        return _KEYS_AND_USES
    return _KEYS


def _needs_row_checks(filters: Filters, sort: Sort) -> bool:
    """Return whether a condition must be checked key by key because no index in this order covers it.

    Expired keys are found in another way: most cells have few of them, by their expiry, so an index scan would not
    help.
    """
    by_id_or_creator = filters.ids is not None or (filters.created_by is not None and sort == "created_at")
    if filters.status == "expired" or by_id_or_creator:
        return False
    checked = (
        filters.q,
        filters.mcp,
        filters.created_by,
        filters.expiring_within_days,
        filters.unused_for_days,
        filters.never_used_for_days,
        filters.rotation_ends_within_days,
        filters.open_grant,
    )
    return filters.all_mcps or filters.never_expires or any(each is not None for each in checked)


def _in_index_range(cell: Cell, table: sql.SQL) -> sql.Composed:
    """Return the condition that the index of every order starts with.

    Time-dependent conditions are checked with the rest.
    """
    return sql.SQL("{}.organization_id = %(organization_id)s and {}").format(table, recorded_in(cell, table))


def _index_conditions(filters: Filters, sort: Sort) -> list[sql.Composable]:
    """Return the conditions that limit the range of the index to keys that can match."""
    match sort:
        case "created_at" if filters.unused_for_days is not None:
            return [OLD_ENOUGH]
        case "last_used" if filters.unused_for_days is not None:
            return [UNUSED]
        case "last_used" if filters.never_used_for_days is not None:
            return [NEVER_USED]
        case "expires_at" if filters.never_expires:
            return [NEVER_EXPIRES]
        case "expires_at" if filters.expiring_within_days is not None:
            return [EXPIRING]
        case _:
            return []


async def page(
    connection: Connection,
    filters: Filters,
    at: datetime,
    *,
    sort: Sort,
    order: Order,
    limit: int,
    offset: int = 0,
    after: Position | None = None,
    checked_max: int | None = None,
) -> list[Listed]:
    """Return at most `limit` keys, from `offset` or after the position of the last one seen.

    If keys must be checked one by one, the page ends after `checked_max` of them.
    """
    direction = DIRECTIONS[order][0]
    values = _values(filters, at, after) | {"limit": limit, "offset": offset, "checked_max": checked_max}
    start = _after(sort, order, after)
    if _needs_row_checks(filters, sort):
        await connection.execute(_DISABLE_SORT)
        keys = _checked_ranges(filters, sort, order, start)
    else:
        keys = _limited_ranges(filters, sort, order, start)
    # The page is found in the narrow list first. The states are read only for its few rows.
    query = sql.SQL(
        "with page as materialized ("
        " select key_id, value from ({keys}) as found"
        " order by value {direction}, key_id {direction} limit %(limit)s offset %(offset)s"
        ") select s.state, page.value::text from page join key_state s using (key_id)"
        " order by page.value {direction}, page.key_id {direction}"
    ).format(keys=keys, direction=direction)
    # Planned for these values on each execution: a generic plan would not know how deep the page is.
    cursor = await connection.execute(query, values, prepare=False)
    return [Listed(bytes(state), value) for state, value in await cursor.fetchall()]


async def last_checked(
    connection: Connection,
    filters: Filters,
    at: datetime,
    *,
    sort: Sort,
    order: Order,
    after: Position | None,
    checked_max: int,
) -> Position | None:
    """Return the last key that `page` checked before it ended, or None if it read the whole list."""
    if not _needs_row_checks(filters, sort):
        return None
    query = sql.SQL("select value::text, key_id from ({}) as checked offset %(checked_max)s - 1").format(
        _merge(filters, sort, order, _after(sort, order, after))
    )
    values = _values(filters, at, after) | {"checked_max": checked_max}
    row = await (await connection.execute(query, values, prepare=False)).fetchone()
    return None if row is None else Position(*row)


def _values(filters: Filters, at: datetime, after: Position | None) -> dict[str, Any]:
    given = {} if after is None else {"after_value": after.value, "after_id": after.key_id}
    return parameters(filters, at) | given


def _after(sort: Sort, order: Order, after: Position | None) -> list[sql.Composable]:
    """Return the condition that a key comes after a position."""
    if after is None:
        return []
    sort_key, (_, comparison) = SORT_KEYS[sort], DIRECTIONS[order]
    return [
        sql.SQL("({}, {}) {} (%(after_value)s::{}, %(after_id)s::text)").format(
            sort_key.value, sort_key.key_id, comparison, sort_key.kind
        )
    ]


def _limited_ranges(
    filters: Filters, sort: Sort, order: Order, cursor_conditions: list[sql.Composable]
) -> sql.Composed:
    """Return all conditions for each cell, limited to the size of the page."""
    sort_key, (direction, _) = SORT_KEYS[sort], DIRECTIONS[order]
    extra_conditions = [*conditions(filters), *cursor_conditions]
    uses = RECENCY if sort == "last_used" else KEY
    ranges = [
        _FEW_OVERDUE.format(
            selected=_selected(sort, tables(filters, sort), [*extra_conditions, in_cell(filters, cell, KEY)])
        )
        if is_overdue(filters, cell)
        else _RANGE.format(
            selected=_selected(sort, tables(filters, sort), [*extra_conditions, in_cell(filters, cell, uses)]),
            value=sort_key.value,
            key_id=sort_key.key_id,
            direction=direction,
        )
        for cell in partitions(filters)
    ]
    return _MERGED.join(ranges)


def _checked_ranges(
    filters: Filters, sort: Sort, order: Order, cursor_conditions: list[sql.Composable]
) -> sql.Composed:
    """Return the keys of all cells in their order, filtered by the conditions."""
    merge = _merge(filters, sort, order, cursor_conditions)
    matching = ALL.join([*conditions(filters), in_any_cell(filters)])
    if sort == "last_used":
        return _MATCHING_USES.format(merge=merge, conditions=matching)
    uses = _JOIN_USES if filters.needs_recency else sql.SQL("")
    return _MATCHING_KEYS.format(merge=merge, uses=uses, conditions=matching)


def _merge(filters: Filters, sort: Sort, order: Order, cursor_conditions: list[sql.Composable]) -> sql.Composed:
    """Return the keys of all cells in their order."""
    sort_key, (direction, _) = SORT_KEYS[sort], DIRECTIONS[order]
    of_uses = sort == "last_used"
    ranges = [
        _WHOLE_RANGE.format(
            columns=sql.SQL("r.key_id, r.last_used" if of_uses else "k.*"),
            value=sort_key.value,
            key_id=sort_key.key_id,
            tables=_USES if of_uses else _KEYS,
            conditions=ALL.join(
                [
                    _in_index_range(cell, RECENCY if of_uses else KEY),
                    *_index_conditions(filters, sort),
                    *cursor_conditions,
                ]
            ),
            direction=direction,
        )
        for cell in partitions(filters)
    ]
    return _MERGE.format(ranges=_MERGED.join(ranges), direction=direction)


def _selected(sort: Sort, of_tables: sql.SQL, extra_conditions: list[sql.Composable]) -> sql.Composed:
    sort_key = SORT_KEYS[sort]
    return _SELECTED.format(
        key_id=sort_key.key_id, value=sort_key.value, tables=of_tables, conditions=ALL.join(extra_conditions)
    )


async def total(connection: Connection, filters: Filters, at: datetime) -> int:
    """Return the total number of keys, counted one by one."""
    query = sql.SQL("select count(*) from {} where {}").format(
        tables(filters, "created_at"),
        ALL.join([*conditions(filters), in_any_cell(filters)]),
    )
    cursor = await connection.execute(query, parameters(filters, at), prepare=False)
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])
