"""A page of the list of keys, read in its order: which ones, from where on.

The order is a merge of one range of an index for each environment and status, so that a list of few of them is no
slower than one of all. What else is asked for is looked at on the way: good where many keys fit. See `found.py`.
"""

from datetime import datetime
from typing import NamedTuple

from psycopg import sql

from eventstore.database import Connection
from projections.key_list.filters import (
    KEY,
    RECENCY,
    Filters,
    Order,
    Sort,
    cells,
    conditions,
    in_cell,
    is_overdue,
    parameters,
)


class Listed(NamedTuple):
    """A key as `key_state` keeps it, and its place in the order as text."""

    state: bytes
    value: str


class Place(NamedTuple):
    """What a list is sorted by: the column, the column of the id beside it, and the type of the value."""

    value: sql.SQL
    key_id: sql.SQL
    kind: sql.SQL


# Those without the instant come last when it is sorted upwards: they never expire, and first when they were never used.
PLACES: dict[Sort, Place] = {
    "created_at": Place(sql.SQL("k.created_at"), sql.SQL("k.key_id"), sql.SQL("timestamptz")),
    "expires_at": Place(sql.SQL("k.ends_at"), sql.SQL("k.key_id"), sql.SQL("timestamptz")),
    "last_used": Place(sql.SQL("r.last_used"), sql.SQL("r.key_id"), sql.SQL("timestamptz")),
    "name": Place(sql.SQL("k.name_key"), sql.SQL("k.key_id"), sql.SQL("text")),
}
DIRECTIONS: dict[Order, tuple[sql.SQL, sql.SQL]] = {
    "asc": (sql.SQL("asc"), sql.SQL(">")),
    "desc": (sql.SQL("desc"), sql.SQL("<")),
}
_ANY = sql.SQL(" or ")
ALL = sql.SQL(" and ")
_MERGED = sql.SQL(" union all ")
# Each range is cut off by itself: the planner may sort a merge of whole ones.
_SELECTED = sql.SQL("select {key_id}, {value} as value from {tables} where {conditions}")
_RANGE = sql.SQL("({selected} order by {value} {direction}, {key_id} {direction} limit %(limit)s + %(offset)s)")


# Without an order inside: those are few, by their expiry, and in the order of the list they lie far apart.
_FEW_OVERDUE = sql.SQL("(select key_id, value from ({selected} offset 0) as overdue)")


def in_any_cell(filters: Filters) -> sql.Composed:
    """That a key lies in one of the cells, by the columns of `key_list`."""
    return sql.SQL("({})").format(_ANY.join([in_cell(filters, cell, KEY) for cell in cells(filters)]))


def tables(filters: Filters, sort: Sort) -> sql.SQL:
    """Where the conditions and the order of a list are found."""
    if sort == "last_used" or filters.unused_for_days is not None:
        return sql.SQL("key_list k join key_recency r on r.key_id = k.key_id and r.organization_id = k.organization_id")
    return sql.SQL("key_list k")


async def page(
    connection: Connection,
    filters: Filters,
    at: datetime,
    *,
    sort: Sort,
    order: Order,
    limit: int,
    offset: int = 0,
    after: tuple[str, str] | None = None,
) -> list[Listed]:
    """At most `limit` keys, `offset` from the beginning or right `after` the (value, key id) of the last one seen."""
    place = PLACES[sort]
    direction, beyond = DIRECTIONS[order]
    wanted = conditions(filters)
    given = parameters(filters, at) | {"limit": limit, "offset": offset}
    if after is not None:
        wanted.append(
            sql.SQL("({}, {}) {} (%(after_value)s::{}, %(after_id)s::text)").format(
                place.value, place.key_id, beyond, place.kind
            )
        )
        given |= {"after_value": after[0], "after_id": after[1]}
    ranges: list[sql.Composed] = []
    for cell in cells(filters):
        in_this = in_cell(filters, cell, RECENCY if sort == "last_used" and not is_overdue(filters, cell) else KEY)
        selected = _SELECTED.format(
            key_id=place.key_id,
            value=place.value,
            tables=tables(filters, sort),
            conditions=ALL.join([*wanted, in_this]),
        )
        range_of = _FEW_OVERDUE if is_overdue(filters, cell) else _RANGE
        ranges.append(range_of.format(selected=selected, key_id=place.key_id, value=place.value, direction=direction))
    # The page is found in the narrow list first; the states are fetched for its few rows alone.
    query = sql.SQL(
        "with page as materialized ("
        " select key_id, value from ({ranges}) as merged"
        " order by value {direction}, key_id {direction} limit %(limit)s offset %(offset)s"
        ") select s.state, page.value::text from page join key_state s using (key_id)"
        " order by page.value {direction}, page.key_id {direction}"
    ).format(ranges=_MERGED.join(ranges), direction=direction)
    # Planned each time, for these values: a plan for any would not know how deep the page lies.
    cursor = await connection.execute(query, given, prepare=False)
    return [Listed(bytes(state), value) for state, value in await cursor.fetchall()]


async def total(connection: Connection, filters: Filters, at: datetime) -> int:
    """How many keys there are in all, counted one by one."""
    query = sql.SQL("select count(*) from {} where {}").format(
        tables(filters, "created_at"),
        ALL.join([*conditions(filters), in_any_cell(filters)]),
    )
    cursor = await connection.execute(query, parameters(filters, at), prepare=False)
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])
