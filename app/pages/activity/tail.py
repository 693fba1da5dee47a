"""GET /activity/tail: the uses since the newest one that a page shows, for the script that follows them."""

from app.api.activity.key_use import KeyUse
from app.api.activity.list import list_activity
from app.pages.page import Page
from app.pages.parts.activity_filters import Filters, tail_rows
from app.pages.query import page_query
from app.pages.rendering import PageResponse
from app.pages.visit import Visit


@Page("GET", "/activity/tail", access="audit:read")
async def activity_tail(visit: Visit) -> PageResponse:
    return await tail_rows(visit, list_activity, KeyUse, page_query(visit.request, Filters), with_keys=True)
