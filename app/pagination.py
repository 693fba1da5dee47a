"""One page of a list: its start, the number of rows to read, and the response with the cursor of the next page."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import Struct, structs

from app.handlers import HttpRequest, ListResponse, get_services, raw_request
from app.http.errors import invalid
from app.http.pagination import OFFSET_MAX, CursorPosition, decode_cursor, next_link, pagination

OFFSET_TOO_LARGE = f"page can address only the first {OFFSET_MAX:,} items. Use next_cursor"

R = TypeVar("R")
T = TypeVar("T")


class ListQuery(Protocol):
    """The query of a list. A list with page numbers also has `page`."""

    @property
    def cursor(self) -> str | None: ...
    @property
    def per_page(self) -> int: ...


class Page:
    """`limit` is one row more than the page has, which shows whether another page follows."""

    def __init__(self, request: HttpRequest, query: ListQuery, purpose: str) -> None:
        """`purpose` names the list with its filters, so that a cursor is accepted only by the list that issued it."""
        self._request = request
        self._query = query
        self._purpose = purpose
        self._is_numbered = hasattr(query, "page")
        number: int | None = getattr(query, "page", None)
        self.last = decode_cursor(get_services(request).cursors, query.cursor, number, purpose)
        self.number = number or 1
        self.limit = query.per_page + 1

    @property
    def after(self) -> tuple[datetime, str] | None:
        """Return the time and id of the previous page's last row, in a list that is ordered by them."""
        return None if self.last is None else (datetime.fromisoformat(self.last.value), self.last.id)

    @property
    def offset(self) -> int:
        """Return the number of rows before a page that is requested by number."""
        return 0 if self.last else (self.number - 1) * self._query.per_page

    def offset_within(self, total: int) -> int:
        """Return `offset`. Reject a page that starts beyond what a list of `total` rows reaches by number."""
        if total > OFFSET_MAX < self.offset:
            raise invalid(page=OFFSET_TOO_LARGE)
        return self.offset

    def rows(self, found: Sequence[R]) -> Sequence[R]:
        """Return the rows of this page."""
        return found[: self._query.per_page]

    def respond(
        self,
        found: Sequence[R],
        shape: Callable[[R], T],
        position: Callable[[R], tuple[datetime | str, str]],
        *,
        total: int | None = None,
        exact: bool = True,
        searched: tuple[datetime | str, str] | None = None,
        next_after: str | None = None,
    ) -> ListResponse[T]:
        """Respond with `shape` of each row. `position` returns a row's sort value and id.

        `searched` is the position where the search ended before the page was full. `total`, `exact` and `next_after`:
        see `pagination`.
        """
        services, shown = get_services(self._request), self.rows(found)
        continues = position(shown[-1]) if len(found) > len(shown) else searched
        cursor = None
        if continues is not None:
            value, row_id = continues
            last = CursorPosition(value if isinstance(value, str) else value.isoformat(), row_id)
            cursor = services.cursors.encode(last, purpose=self._purpose)
        numbers = pagination(
            page=self.number if self._is_numbered and self.last is None else None,
            per_page=self._query.per_page,
            total=total,
            next_cursor=cursor,
            exact=exact,
            next_after=next_after,
            searched_to=_time(searched) if continues is searched else None,
        )
        content = {"success": True, "data": [shape(row) for row in shown], "pagination": numbers}
        return ListResponse(
            msgspec.json.encode(content),
            headers=next_link(raw_request(self._request), services.config.public_url, _parameters(self._query), cursor),
            media_type="application/json",
        )


def _time(position: tuple[datetime | str, str] | None) -> datetime | None:
    """Return the time of a position, in a list that is ordered by time only."""
    return position[0] if position is not None and isinstance(position[0], datetime) else None


def _parameters(query: object) -> dict[str, Any]:
    """Return the query by its parameter names."""
    if not isinstance(query, Struct):
        raise TypeError(query)
    values = structs.asdict(query)
    return {field.encode_name: _in_url(values[field.name]) for field in structs.fields(type(query))}


def _in_url(value: object) -> object:
    """Return a time in RFC 3339, and any other value as it is."""
    return value.isoformat() if isinstance(value, datetime) else value
