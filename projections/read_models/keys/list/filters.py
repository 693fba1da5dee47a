"""Filters of the key list, and their SQL.

Only comparisons of text and time can use an index: row-level security evaluates every other operator after it has read
the row.
"""

from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, get_args

from msgspec import Struct
from psycopg import sql

from domain.environment import Environment
from domain.grants import Grant
from projections.read_models.keys.list.search_terms import (
    EVERY_MCP,
    folded,
    mcp_term,
    open_grant_term,
    term_range,
    word_marked,
)

Sort = Literal["created_at", "last_used", "expires_at", "name"]
Order = Literal["asc", "desc"]
Status = Literal["active", "revoked", "expired", "disabled"]

STATUSES: tuple[Status, ...] = get_args(Status)
TIME_DEPENDENT: tuple[Status, ...] = ("active", "disabled")
"""Recorded statuses. Keys with these statuses are expired from their expiry on, even before the event is recorded."""


class ReachedMcp(Struct, frozen=True):
    """An MCP server of the organization. Keys for all MCP servers reach only servers of their environment."""

    id: str
    environment: Environment


class Filters(Struct, frozen=True):
    """A filter of an organization's keys. None: any. `q` is the start of a word of the name, or of the prefix.

    `mcp`: keys that list this MCP server or reach it through "*". The caller looks the server up first: an id that does
    not exist would otherwise select every key for all MCP servers. `without_id`: every key except this one.
    `unrevoked`, if no status is given: only keys that can still be revoked. `never_used_for_days`: keys that were
    created at least so long ago and never used. `rotation_ends_within_days`: keys with an earlier secret that stops
    working by then. `open_grant`: keys with this management grant that any IP address may use.
    """

    organization_id: str
    status: Status | None = None
    environment: Environment | None = None
    mcp: ReachedMcp | None = None
    created_by: str | None = None
    expiring_within_days: int | None = None
    unused_for_days: int | None = None
    never_used_for_days: int | None = None
    never_expires: bool = False
    all_mcps: bool = False
    rotation_ends_within_days: int | None = None
    open_grant: Grant | None = None
    q: str | None = None
    ids: tuple[str, ...] | None = None
    without_id: str | None = None
    created_before: datetime | None = None
    unrevoked: bool = False

    @property
    def environments(self) -> list[Environment]:
        return list(get_args(Environment)) if self.environment is None else [self.environment]

    @property
    def needs_recency(self) -> bool:
        return self.unused_for_days is not None or self.never_used_for_days is not None


class Cell(NamedTuple):
    environment: Environment
    status: Status


def recorded(filters: Filters) -> list[Status]:
    """Return the recorded statuses that the keys may have; see `TIME_DEPENDENT`. An empty list: no key matches."""
    statuses = _of_status(filters)
    if filters.expiring_within_days is None:
        return statuses
    return [status for status in statuses if status in TIME_DEPENDENT]


def _of_status(filters: Filters) -> list[Status]:
    match filters.status:
        case None:
            return [status for status in STATUSES if status != "revoked" or not filters.unrevoked]
        case "expired":
            return ["expired", *TIME_DEPENDENT]
        case status:
            return [status]


_ONGOING = sql.SQL("k.ends_at > %(at)s")
_OVERDUE = sql.SQL("k.ends_at <= %(at)s")
_ALWAYS = sql.SQL("true")

EXPIRING = sql.SQL("k.ends_at > %(at)s and k.ends_at <= %(expiring_by)s")
_REACHES_MCP = sql.SQL("((k.all_mcps and k.environment = %(mcp_environment)s) or k.mcps @> array[%(mcp_id)s])")
_MATCHES_Q = sql.SQL("(strpos(k.name_key, %(marked)s) > 0 or starts_with(lower(k.prefix), %(prefix)s))")
NEVER_EXPIRES = sql.SQL("k.ends_at = 'infinity'")
_ROTATION_ENDS = sql.SQL("k.secrets_end_at > %(at)s and k.secrets_end_at <= %(rotation_ends_by)s")
_HAS_OPEN_GRANT = sql.SQL(
    "exists (select from key_terms t where t.organization_id = k.organization_id and t.term = %(open_term)s"
    " and t.key_id = k.key_id)"
)
NEVER_USED = sql.SQL("r.last_used = '-infinity'")
_CREATED_LONG_AGO = sql.SQL("k.created_at < %(never_used_since)s")
UNUSED = sql.SQL("r.last_used < %(unused_since)s")
OLD_ENOUGH = sql.SQL("k.created_at < %(unused_since)s")
"""A key that was created later cannot have been unused for so long."""

KEY = sql.SQL("k")
RECENCY = sql.SQL("r")
"""The aliases of `key_list` and `key_recency` in the statements. Both have the environment and the status."""


def partitions(filters: Filters) -> list[Cell]:
    """Return pairs of environment and recorded status. Every key of the list is in exactly one of them."""
    return [Cell(environment, status) for environment in filters.environments for status in recorded(filters)]


def is_overdue(filters: Filters, cell: Cell) -> bool:
    """Return whether only overdue keys of this cell match: past their expiry, without an event."""
    return filters.status == "expired" and cell.status in TIME_DEPENDENT


def in_cell(filters: Filters, cell: Cell, table: sql.SQL) -> sql.Composed:
    """Return the condition that a key is in the cell, by the columns of `table` and the current time."""
    clock = _ALWAYS
    if is_overdue(filters, cell):
        clock = _OVERDUE
    elif filters.status in TIME_DEPENDENT:
        clock = _ONGOING
    return sql.SQL("{} and {}").format(recorded_in(cell, table), clock)


def recorded_in(cell: Cell, table: sql.SQL) -> sql.Composed:
    """Return the condition that a key is in the cell by its recorded status, regardless of the current time."""
    return sql.SQL("{table}.environment = {environment} and {table}.status = {status}").format(
        table=table, environment=cell.environment, status=cell.status
    )


def conditions(filters: Filters) -> list[sql.Composable]:
    """Return the conditions that a key must meet in addition to being in one of the cells."""
    # Unused keys have two conditions, so that lists by age and by last use can start at the right position.
    given: tuple[tuple[bool, tuple[sql.SQL, ...]], ...] = (
        (filters.mcp is not None, (_REACHES_MCP,)),
        (filters.created_by is not None, (sql.SQL("k.created_by = %(created_by)s"),)),
        (filters.expiring_within_days is not None, (EXPIRING,)),
        (filters.unused_for_days is not None, (UNUSED, OLD_ENOUGH)),
        (filters.never_used_for_days is not None, (NEVER_USED, _CREATED_LONG_AGO)),
        (filters.never_expires, (NEVER_EXPIRES,)),
        (filters.all_mcps, (sql.SQL("k.all_mcps"),)),
        (filters.rotation_ends_within_days is not None, (_ROTATION_ENDS,)),
        (filters.open_grant is not None, (_HAS_OPEN_GRANT,)),
        (filters.q is not None, (_MATCHES_Q,)),
        (filters.ids is not None, (sql.SQL("k.key_id = any(%(ids)s::text[])"),)),
        (filters.without_id is not None, (sql.SQL("k.key_id <> %(without_id)s"),)),
        (filters.created_before is not None, (sql.SQL("k.created_at < %(created_before)s"),)),
    )
    parts: list[sql.Composable] = [sql.SQL("k.organization_id = %(organization_id)s")]
    for is_given, conditions_of_it in given:
        if is_given:
            parts += conditions_of_it
    return parts


def parameters(filters: Filters, at: datetime) -> dict[str, Any]:
    """Return the parameters of the SQL fragments."""
    first, last = term_range(filters.q or "")
    return {
        "at": at,
        "organization_id": filters.organization_id,
        "environments": filters.environments,
        "statuses": recorded(filters),
        "mcp_id": None if filters.mcp is None else filters.mcp.id,
        "mcp_environment": None if filters.mcp is None else filters.mcp.environment,
        "mcp_terms": [EVERY_MCP, mcp_term("" if filters.mcp is None else filters.mcp.id)],
        "created_by": filters.created_by,
        "expiring_by": at + timedelta(days=filters.expiring_within_days or 0),
        "unused_since": at - timedelta(days=filters.unused_for_days or 0),
        "never_used_since": at - timedelta(days=filters.never_used_for_days or 0),
        "rotation_ends_by": at + timedelta(days=filters.rotation_ends_within_days or 0),
        "open_term": open_grant_term(filters.open_grant or ""),
        "every_mcp": EVERY_MCP,
        "marked": word_marked(filters.q or ""),
        "prefix": folded(filters.q or ""),
        "term_first": first,
        "term_last": last,
        "ids": None if filters.ids is None else list(filters.ids),
        "without_id": filters.without_id,
        "created_before": filters.created_before,
    }
