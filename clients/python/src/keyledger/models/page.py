"""One page of a list."""

from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")


class Pagination(Struct, frozen=True):
    """Position of a page: `page` is None after a cursor, `total` is None for logs, `next_cursor` on the last page."""

    per_page: int
    page: int | None = None
    total: int | None = None
    total_pages: int | None = None
    next_cursor: str | None = None


class Page(Struct, Generic[T], frozen=True):
    data: tuple[T, ...]
    pagination: Pagination
