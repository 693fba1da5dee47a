"""GET /activity: the uses of all keys of the organization, with filters, and a tail that follows them."""

from asyncio import gather

from app.api.activity.key_use import KeyUse
from app.api.activity.list import list_activity
from app.pages.keys.servers import named_servers, names_of
from app.pages.page import Page
from app.pages.parts.activity_filters import Filters, activity_list, read_entries
from app.pages.parts.activity_table import activity_rows
from app.pages.parts.filtered_lists import list_page
from app.pages.query import page_query
from app.pages.rendering import PageResponse
from app.pages.visit import Visit

_PATH = "/activity"


@Page("GET", _PATH, access="audit:read")
async def activity_page(visit: Visit) -> PageResponse:
    filters = page_query(visit.request, Filters)
    servers, found = await gather(named_servers(visit), read_entries(visit, list_activity, KeyUse, filters))
    shown = activity_list(_PATH, filters, found, names_of(servers), "the latest uses")
    rows = activity_rows(found.page.data)
    return await list_page(visit, "activity/list.html", shown.bar, list=shown, rows=rows)
