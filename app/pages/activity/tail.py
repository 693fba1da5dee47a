"""GET /activity/tail: the uses since the newest one that a page shows, for the script that follows them."""

from app.api.activity.key_use import KeyUse
from app.api.activity.list import list_activity
from app.pages.activity.filters import Filters
from app.pages.activity_table import activity_rows
from app.pages.page import Page
from app.pages.query import page_query
from app.pages.rendering import PageResponse, unchanged
from app.pages.visit import Visit

ROWS_MAX = 50


@Page("GET", "/activity/tail", access="audit:read")
async def activity_tail(visit: Visit) -> PageResponse:
    """Return the rows since `after`, newest first, or 204 if there are none. Without `after`, return no rows.

    The header `Tail-After` has the next `after`. `Tail-More` is sent if the page is too far behind to be filled row by
    row.
    """
    filters = page_query(visit.request, Filters)
    if not filters.after:
        return visit.fragment("parts/activity_rows.html", rows=[], with_keys=True)
    parameters = {**filters.to_api(), "after": filters.after, "per_page": ROWS_MAX}
    found = await visit.read_list(list_activity, KeyUse, parameters)
    headers = {"Tail-After": found.pagination.next_after or ""}
    if not found.data:
        response = unchanged()
        response.headers.update(headers)
        return response
    if len(found.data) == ROWS_MAX:
        headers["Tail-More"] = "true"
    rows = activity_rows(found.data[::-1])
    return visit.fragment("parts/activity_rows.html", headers=headers, rows=rows, with_keys=True)
