"""Pagination of lists: by page number for people, by cursor for programs."""

from typing import Annotated, Any
from urllib.parse import urlencode

from msgspec import Meta, Struct

from app.http.errors import invalid
from app.http.messages import RawRequest
from infrastructure.cursors import CursorInvalid, CursorSigner

PerPage = Annotated[int, Meta(ge=1, le=100)]
PageNumber = Annotated[int, Meta(ge=1, le=1_000_000)]
PER_PAGE_DEFAULT = 20


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


def pagination(
    *, page: int | None, per_page: int, total: int | None, next_cursor: str | None, exact: bool = True
) -> dict[str, Any]:
    """Return the `pagination` object. Logs, which grow while they are read, are paged by cursor and have no total.

    If not `exact`, `total` is a minimum, and the response has `"total_exact": false`.
    """
    pages = None if total is None else -(-total // per_page)
    shape = {"page": page, "per_page": per_page, "total": total, "total_pages": pages, "next_cursor": next_cursor}
    return shape if exact else {**shape, "total_exact": False}


def next_link(
    inbound: RawRequest, public_url: str, parameters: dict[str, Any], next_cursor: str | None
) -> dict[str, str]:
    """Return the Link header (RFC 8288) for the next page, if there is one."""
    if next_cursor is None:
        return {}
    others = {name: value for name, value in parameters.items() if value is not None and name not in {"page", "cursor"}}
    query = urlencode({**others, "cursor": next_cursor})
    return {"Link": f'<{public_url}{inbound.path}?{query}>; rel="next"'}
