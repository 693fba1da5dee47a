"""Pagination of lists: by page number for people, by cursor for programs."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from msgspec import UNSET, Meta, Struct, UnsetType

from app.http.errors import invalid
from app.http.messages import RawRequest
from infrastructure.cursors import CursorInvalid, CursorSigner

PerPage = Annotated[int, Meta(ge=1, le=100, description="The number of items per page.")]
PageNumber = Annotated[
    int, Meta(ge=1, le=1_000_000, description="The page number, from 1. Cannot be combined with `cursor`.")
]
Cursor = Annotated[
    str,
    Meta(description="`next_cursor` of the previous page. Opaque, signed, and valid only with the same filters."),
]
PER_PAGE_DEFAULT = 20
OFFSET_MAX = 10_000
"""The maximum number of items before a page, because the database must skip them. Cursors have no such limit."""


class CursorPosition(Struct, frozen=True):
    """Contents of a cursor: the sort value and the id of the last item seen."""

    value: str
    id: str


def decode_cursor(cursors: CursorSigner, cursor: str | None, page: int | None, purpose: str) -> CursorPosition | None:
    """Return the position in `cursor`. Raise 422 if it belongs to another list or a page number is also given."""
    if cursor is None:
        return None
    problem = "Send either page or cursor, not both" if page is not None else None
    try:
        position = cursors.decode(cursor, CursorPosition, purpose=purpose)
    except CursorInvalid as error:
        position, problem = None, str(error)
    if problem is not None:
        raise invalid(cursor=problem)
    return position


class Pagination(Struct, frozen=True):
    """`page`, `total` and `total_pages` are null in a list that is read by cursor and has no page numbers."""

    page: int | None
    per_page: int
    total: Annotated[int, Meta(ge=0)] | None
    total_pages: Annotated[int, Meta(ge=0)] | None
    next_cursor: Annotated[str | None, Meta(description="The `cursor` for the next page; null on the last page.")]
    total_exact: Annotated[bool, Meta(description="Present only if false: `total` is then a minimum.")] | UnsetType = (
        UNSET
    )
    next_after: (
        Annotated[str, Meta(description="Only in activity: the `after` for the entries that follow, oldest first.")]
        | UnsetType
    ) = UNSET
    searched_to: (
        Annotated[
            datetime,
            Meta(
                tz=True,
                description="Only in activity, if the search for matches ended at this time before the page was full. "
                "`next_cursor` continues there.",
            ),
        ]
        | UnsetType
    ) = UNSET


def pagination(
    *,
    page: int | None,
    per_page: int,
    total: int | None,
    next_cursor: str | None,
    exact: bool = True,
    next_after: str | None = None,
    searched_to: datetime | None = None,
) -> Pagination:
    """Return the `pagination` object. Logs, which grow while they are read, are paged by cursor and have no total.

    If not `exact`, `total` is a minimum. `next_after` continues a tail. `searched_to` is the time where a search ended.
    """
    return Pagination(
        page=page,
        per_page=per_page,
        total=total,
        total_pages=None if total is None else -(-total // per_page),
        next_cursor=next_cursor,
        total_exact=UNSET if exact else False,
        next_after=UNSET if next_after is None else next_after,
        searched_to=UNSET if searched_to is None else searched_to,
    )


def next_link(
    inbound: RawRequest, public_url: str, parameters: dict[str, Any], next_cursor: str | None
) -> dict[str, str]:
    """Return the Link header (RFC 8288) for the next page, if there is one."""
    if next_cursor is None:
        return {}
    others = {name: value for name, value in parameters.items() if value is not None and name not in {"page", "cursor"}}
    query = urlencode({**others, "cursor": next_cursor})
    return {"Link": f'<{public_url}{inbound.path}?{query}>; rel="next"'}
