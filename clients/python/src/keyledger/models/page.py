"""A part of a list."""

from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")


class Pagination(Struct, frozen=True):
    """`page` is None when a cursor was followed; logs have no `total`; `next_cursor` is None on the last page."""

    per_page: int
    page: int | None = None
    total: int | None = None
    total_pages: int | None = None
    next_cursor: str | None = None


class Page(Struct, Generic[T], frozen=True):
    data: tuple[T, ...]
    pagination: Pagination
