"""GET /keys: the API keys of the organization, with filters, sorting and paging."""

import re
from asyncio import gather
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from urllib.parse import parse_qsl, urlencode

import msgspec
from msgspec import Struct

from app.api.api_keys.creators import KeyCreator, list_key_creators
from app.api.api_keys.list import ListedKey, list_keys
from app.api.api_keys.schemas import Key
from app.api.organization.get import get_organization
from app.api.organization.schemas import Organization
from app.handlers import raw_request
from app.http.pagination import OFFSET_MAX, Pagination
from app.pages.charts.sparkline import Sparkline, sparkline
from app.pages.keys.servers import named_servers, names_of
from app.pages.page import Page
from app.pages.parts.filtered_lists import filter_bar, list_page
from app.pages.query import link_to, page_query
from app.pages.rendering import PageResponse
from app.pages.route_calls import ListPage
from app.pages.visit import Visit
from app.pages.wording.actors import actor_name
from app.pages.wording.text import number, plural
from app.pages.wording.words import ACTORS_WITHOUT_NAME, DELETED_SERVER, ENVIRONMENTS, GRANTS, STATUSES
from domain.grants import Grant
from infrastructure.clock import now
from projections.read_models.keys.list.filters import Order, Sort

_PATH = "/keys"
PER_PAGE = 50
_EXPIRES_SOON = timedelta(days=14)
USAGE_DAYS = 14
_MCPS_SHOWN = 2
_CARRIED = (
    "never_used_for_days",
    "expires",
    "mcp_access",
    "rotation_ends_within_days",
    "open_grant",
    "sort",
    "order",
)
"""Parameters without a field in the form, which it submits unchanged."""

_BEYOND_PREFIX = re.compile(r"(pk_(?:live|test)_[0-9A-Za-z]{4})[\w.\N{HORIZONTAL ELLIPSIS}]+")
"""A key, also as it is shown in lists, beyond its prefix. The script of the page has the same pattern."""

_COLUMNS: tuple[tuple[str, Sort | None], ...] = (
    ("Name", "name"),
    ("Created", "created_at"),
    ("Last Used", "last_used"),
    (f"Requests, {USAGE_DAYS} days", None),
    ("MCP Access", None),
    ("Expires", "expires_at"),
    ("Status", None),
)


class Query(Struct, frozen=True, omit_defaults=True):
    """The filters of the page. All of them are parameters of `GET /v1/api-keys`; an empty text filters nothing."""

    q: str = ""
    status: Literal["", "active", "disabled", "expired", "revoked"] = ""
    environment: Literal["", "live", "test"] = ""
    mcp_id: str = ""
    created_by: str = ""
    expiring_within_days: int | None = None
    unused_for_days: int | None = None
    never_used_for_days: int | None = None
    expires: Literal["", "never"] = ""
    mcp_access: Literal["", "all"] = ""
    rotation_ends_within_days: int | None = None
    open_grant: Literal[""] | Grant = ""
    sort: Sort = "created_at"
    order: Order | Literal[""] = ""
    page: int | None = None
    cursor: str = ""


class Row(NamedTuple):
    key: ListedKey
    badge: str
    is_ended: bool
    creator: str
    creator_link: str
    last_use: str
    requests: Sparkline
    mcps: list[str]
    more_mcps: int


class CreatorOption(NamedTuple):
    """A creator to filter by. `keys`: the number of their keys, if it is known."""

    id: str
    name: str
    keys: int | None

    @property
    def text(self) -> str:
        return self.name if self.keys is None else f"{self.name} ({number(self.keys)})"


class Column(NamedTuple):
    title: str
    sort: Sort | None
    link: str
    direction: Literal["", "ascending", "descending"]


@Page("GET", _PATH, access="keys:read")
async def key_list_page(visit: Visit) -> PageResponse:
    address = _without_secret(visit)
    if address is not None:
        return visit.go_to(address)
    query = page_query(visit.request, Query)
    listed, organization, servers, people = await gather(
        _listed(visit, query),
        visit.read(get_organization, Organization),
        named_servers(visit),
        visit.read(list_key_creators, list[KeyCreator]),
    )
    at, names = now(), names_of(servers)
    creators = _creators(query, people, listed.data)
    texts = _texts(query, names, {each.id: each.name for each in creators})
    bar = filter_bar(_PATH, query, texts, listed, ("key", "keys"), carried=_CARRIED)
    return await list_page(
        visit,
        "keys/list.html",
        bar,
        query=query,
        rows=[_row(query, key, at, names) for key in listed.data],
        columns=_columns(query),
        has_more_filters=any(
            [query.mcp_id, query.environment, query.created_by, query.expiring_within_days, query.unused_for_days]
        ),
        # A member sees only their own keys, and has nothing to choose.
        creators=[(each.id, each.text) for each in creators] if query.created_by or visit.can("members:read") else [],
        mcps=[(server.id, server.name) for server in servers],
        range_text=_range_text(listed.pagination, len(listed.data)),
        newer=_newer(query, listed.pagination.page),
        older=_older(query, listed),
        is_unfinished=_is_unfinished(listed),
        can_revoke_many=visit.can("members:write"),
        organization=organization,
    )


def _without_secret(visit: Visit) -> str | None:
    """Return the address that searches for the prefix of a key of which more was pasted into the search.

    The rest finds nothing, and a secret must not stay in the address. The script of the page cuts it before it is sent.
    """
    pairs = parse_qsl(raw_request(visit.request).query.decode("latin-1"), keep_blank_values=True)
    shorter = [(name, _BEYOND_PREFIX.sub(r"\1", value) if name == "q" else value) for name, value in pairs]
    return None if shorter == pairs else f"{_PATH}?{urlencode(shorter)}"


async def _listed(visit: Visit, query: Query) -> ListPage[ListedKey]:
    given = {name: value for name, value in msgspec.to_builtins(query).items() if value not in {"", None}}
    return await visit.read_list(list_keys, ListedKey, {**given, "per_page": PER_PAGE, "usage_days": USAGE_DAYS})


def _row(query: Query, key: ListedKey, at: datetime, names: dict[str, str]) -> Row:
    mcps = [] if key.permissions.mcps == "*" else [names.get(mcp_id, DELETED_SERVER) for mcp_id in key.permissions.mcps]
    return Row(
        key=key,
        badge=badge_of(key, at, is_rotating=key.rotating_until is not None),
        is_ended=key.status in {"revoked", "expired"},
        creator=actor_name(key.created_by),
        creator_link=link_to(_PATH, query, created_by=key.created_by.id),
        last_use=_last_use(key),
        requests=sparkline(key.requests_by_day or []),
        mcps=mcps[:_MCPS_SHOWN],
        more_mcps=len(mcps[_MCPS_SHOWN:]),
    )


def _last_use(key: ListedKey) -> str:
    """Return the MCP server and the country or address of the last use."""
    if key.last_use is None:
        return ""
    where = key.last_use.country or key.last_use.ip
    return " · ".join(part for part in (key.last_use.mcp_name, where) if part)


def badge_of(key: Key, at: datetime, *, is_rotating: bool) -> str:
    """Return the status to show: an active key can be "expiring" soon, or "rotating"."""
    if key.status != "active":
        return key.status
    if key.expires_at is not None and key.expires_at - at <= _EXPIRES_SOON:
        return "expiring"
    return "rotating" if is_rotating else "active"


def _range_text(pagination: Pagination, shown: int) -> str:
    """Return which keys the page shows: "1-50 of 1,204 keys" or "1-50 of at least 10,000 keys"."""
    if pagination.page is None:
        return plural(shown, "key")
    first = (pagination.page - 1) * PER_PAGE + 1
    minimum = "at least " if pagination.total_exact is False else ""
    return f"{number(first)}\N{EN DASH}{number(first + shown - 1)} of {minimum}{plural(pagination.total or 0, 'key')}"


def _is_unfinished(listed: ListPage[ListedKey]) -> bool:
    """Return whether the search ended before the page was full, after a maximum of keys."""
    return listed.pagination.next_cursor is not None and len(listed.data) < PER_PAGE


def _columns(query: Query) -> list[Column]:
    return [_column(query, title, sort) for title, sort in _COLUMNS]


def _column(query: Query, title: str, sort: Sort | None) -> Column:
    if sort is None:
        return Column(title, None, "", "")
    default: Order = "asc" if sort in {"name", "expires_at"} else "desc"
    if query.sort != sort:
        return Column(title, sort, link_to(_PATH, query, sort=sort, order=""), "")
    order = query.order or default
    opposite: Order = "desc" if order == "asc" else "asc"
    direction = "ascending" if order == "asc" else "descending"
    return Column(title, sort, link_to(_PATH, query, sort=sort, order=opposite), direction)


def _creators(query: Query, people: list[KeyCreator], listed: list[ListedKey]) -> list[CreatorOption]:
    """Return the people who created keys, by name, and the chosen creator, who can also be a key."""
    options = [CreatorOption(each.id, each.email or ACTORS_WITHOUT_NAME["user"], each.keys) for each in people]
    options.sort(key=lambda each: (each.name.casefold(), each.id))
    if query.created_by and query.created_by not in {each.id for each in options}:
        name = actor_name(listed[0].created_by) if listed else "someone else"
        options.append(CreatorOption(query.created_by, name, None))
    return options


def _texts(query: Query, names: dict[str, str], creators: dict[str, str]) -> dict[str, str]:
    """Return the words of each filter."""
    return {
        "q": f"“{query.q}”",
        "status": f"Status: {STATUSES.get(query.status, '')}",
        "environment": f"Environment: {ENVIRONMENTS.get(query.environment, '')}",
        "mcp_id": f"MCP server: {names.get(query.mcp_id, DELETED_SERVER)}",
        "created_by": f"Created by: {creators.get(query.created_by, '')}",
        "expiring_within_days": f"Expires within {query.expiring_within_days} days",
        "unused_for_days": f"Unused for {query.unused_for_days} days",
        "never_used_for_days": f"Never used, created {query.never_used_for_days} days ago or earlier",
        "expires": "Never expires",
        "mcp_access": "All MCP servers",
        "rotation_ends_within_days": f"Old secret ends within {plural(query.rotation_ends_within_days or 0, 'day')}",
        "open_grant": f"Can {GRANTS.get(query.open_grant or 'keys:read', '')}, from any IP address",
    }


def _newer(query: Query, page: int | None) -> str | None:
    """Return the address of the previous page. A page that was reached by a cursor has only a first page."""
    if query.cursor:
        return link_to(_PATH, query)
    return None if page is None or page == 1 else link_to(_PATH, query, page=page - 1 if page > 2 else None)  # noqa: PLR2004


def _older(query: Query, listed: ListPage[ListedKey]) -> str | None:
    """Return the address of the next page: by number as long as pages have one and are full, then by cursor."""
    next_cursor, page = listed.pagination.next_cursor, listed.pagination.page
    if next_cursor is None:
        return None
    if page is not None and page * PER_PAGE < OFFSET_MAX and not _is_unfinished(listed):
        return link_to(_PATH, query, page=page + 1)
    return link_to(_PATH, query, cursor=next_cursor)
