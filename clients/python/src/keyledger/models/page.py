"""One page of a list."""

from datetime import datetime
from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")


class Pagination(Struct, frozen=True):
    """Position of a page: `page` is None after a cursor, `total` is None for logs, `next_cursor` on the last page.

    Only in activity: `next_after` is the `after` for the entries that follow. `searched_to` is the time where a search
    for matches ended before the page was full; `next_cursor` continues there.
    """

    per_page: int
    page: int | None = None
    total: int | None = None
    total_pages: int | None = None
    next_cursor: str | None = None
    next_after: str | None = None
    searched_to: datetime | None = None


class Page(Struct, Generic[T], frozen=True):
    data: tuple[T, ...]
    pagination: Pagination
