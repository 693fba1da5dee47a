"""GET /keys: the API keys of the organization, with filters, sorting and paging."""

from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from app.api.api_keys.list import list_keys
from app.api.api_keys.schemas import Key
from app.api.mcps.list import list_mcps
from app.api.mcps.schemas import Mcp
from app.api.organization.get import get_organization
from app.api.organization.schemas import Organization
from app.http.pagination import OFFSET_MAX
from app.pages.page import Page
from app.pages.query import page_query
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from infrastructure.clock import now
from projections.read_models.keys.list.filters import Order, Sort

PER_PAGE = 50
EXPIRES_SOON = timedelta(days=14)


_COLUMNS: tuple[tuple[str, Sort | None], ...] = (
    ("Name", "name"),
    ("Created", "created_at"),
    ("Last used", "last_used"),
    ("MCP access", None),
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
    sort: Sort = "created_at"
    order: Order | Literal[""] = ""
    page: int | None = None
    cursor: str = ""


class Row(NamedTuple):
    key: Key
    badge: str
    is_ended: bool
    mcps: list[str]
    more_mcps: int


class Column(NamedTuple):
    title: str
    sort: Sort | None
    link: str
    direction: Literal["", "ascending", "descending"]


class Applied(NamedTuple):
    """A filter that is in effect, with the address of the page without it."""

    text: str
    link: str


@Page("GET", "/keys", access="keys:read")
async def key_list_page(visit: Visit) -> PageResponse:
    query = page_query(visit.request, Query)
    parameters = {name: value for name, value in msgspec.to_builtins(query).items() if value not in {"", None}}
    listed = await visit.read_list(list_keys, Key, {**parameters, "per_page": PER_PAGE})
    organization = await visit.read(get_organization, Organization)
    names = {mcp.id: mcp.name for mcp in (await visit.read_list(list_mcps, Mcp, {"per_page": 100})).data}
    at = now()
    return await visit.page(
        "keys/list.html",
        query=query,
        rows=[_row(key, at, names) for key in listed.data],
        columns=_columns(query),
        applied=_applied(query, names),
        mcps=sorted(names.items(), key=lambda each: each[1].casefold()),
        pagination=listed.pagination,
        first=((listed.pagination.page or 1) - 1) * PER_PAGE + 1,
        newer=_newer(query, listed.pagination.page),
        older=_older(query, listed.pagination.next_cursor, listed.pagination.page),
        organization=organization,
    )


def _row(key: Key, at: datetime, names: dict[str, str]) -> Row:
    mcps = [] if key.permissions.mcps == "*" else [names.get(mcp_id, mcp_id) for mcp_id in key.permissions.mcps]
    return Row(key, badge_of(key, at), key.status in {"revoked", "expired"}, mcps[:2], len(mcps[2:]))


def badge_of(key: Key, at: datetime) -> str:
    """Return the word for the status of a key: an active key that ends soon is "expiring"."""
    if key.status == "active" and key.expires_at is not None and key.expires_at - at <= EXPIRES_SOON:
        return "expiring"
    return key.status


def _columns(query: Query) -> list[Column]:
    return [_column(query, title, sort) for title, sort in _COLUMNS]


def _column(query: Query, title: str, sort: Sort | None) -> Column:
    if sort is None:
        return Column(title, None, "", "")
    default: Order = "asc" if sort in {"name", "expires_at"} else "desc"
    if query.sort != sort:
        return Column(title, sort, _link(query, sort=sort, order=""), "")
    order = query.order or default
    opposite: Order = "desc" if order == "asc" else "asc"
    direction = "ascending" if order == "asc" else "descending"
    return Column(title, sort, _link(query, sort=sort, order=opposite), direction)


def _applied(query: Query, names: dict[str, str]) -> list[Applied]:
    texts = {
        "q": f"“{query.q}”",
        "status": f"Status: {query.status}",
        "environment": f"Environment: {query.environment}",
        "mcp_id": f"MCP server: {names.get(query.mcp_id, query.mcp_id)}",
        "created_by": f"Created by: {query.created_by}",
        "expiring_within_days": f"Expires within {query.expiring_within_days} days",
        "unused_for_days": f"Unused for {query.unused_for_days} days",
    }
    given = msgspec.to_builtins(query)
    return [Applied(text, _link(query, **{name: None})) for name, text in texts.items() if given.get(name)]


def _link(query: Query, **changed: object) -> str:
    """Return the address of the first page of the list with these changes to the filters."""
    given = {**msgspec.to_builtins(query), "page": None, "cursor": None, **changed}
    kept = {name: value for name, value in given.items() if value not in {"", None}}
    return f"/keys?{urlencode(kept)}" if kept else "/keys"


def _newer(query: Query, page: int | None) -> str | None:
    """Return the address of the previous page. A page that was reached by a cursor has only a first page."""
    if query.cursor:
        return _link(query)
    return None if page is None or page == 1 else _link(query, page=page - 1 if page > 2 else None)  # noqa: PLR2004


def _older(query: Query, next_cursor: str | None, page: int | None) -> str | None:
    """Return the address of the next page: by number as long as pages have one, then by cursor."""
    if next_cursor is None:
        return None
    if page is not None and page * PER_PAGE < OFFSET_MAX:
        return _link(query, page=page + 1)
    return _link(query, cursor=next_cursor)
