"""GET /keys/{key_id}/activity: the changes and uses of one key, with filters, and a tail that follows them."""

from asyncio import gather

from app.api.activity.schemas import ActivityEntry
from app.api.api_keys.activity import list_key_activity
from app.api.api_keys.get import KeyDetail, get_key
from app.pages.keys.heading import heading_of
from app.pages.keys.servers import named_servers, names_of
from app.pages.page import Page
from app.pages.parts.activity_filters import Filters, activity_list, read_entries, tail_rows
from app.pages.parts.activity_table import activity_rows
from app.pages.parts.filtered_lists import list_page
from app.pages.query import page_query
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from infrastructure.clock import now
from projections.log_queries.activity.queries import SCAN_MAX


@Page("GET", "/keys/{key_id}/activity", access="keys:read")
async def key_activity_page(visit: Visit, key_id: str) -> PageResponse:
    filters = page_query(visit.request, Filters)
    key = await visit.read(get_key, KeyDetail, key_id=key_id)
    servers, found = await gather(
        named_servers(visit), read_entries(visit, list_key_activity, ActivityEntry, filters, key_id=key_id)
    )
    scanned = f"the latest {SCAN_MAX:,} uses"
    shown = activity_list(f"/keys/{key_id}/activity", filters, found, names_of(servers), scanned)
    rows = activity_rows(found.page.data)
    is_everything = shown.bar.shown == shown.path and shown.bar.older is None
    return await list_page(
        visit,
        "keys/activity.html",
        shown.bar,
        key=key,
        heading=heading_of(visit, key, now(), "Activity"),
        list=shown,
        versions=[(str(secret.version), f"Version {secret.version}") for secret in key.secrets],
        rows=rows,
        is_unused=is_everything and all(row.actor for row in rows),
    )


@Page("GET", "/keys/{key_id}/activity/tail", access="keys:read")
async def key_activity_tail(visit: Visit, key_id: str) -> PageResponse:
    return await tail_rows(visit, list_key_activity, ActivityEntry, page_query(visit.request, Filters), key_id=key_id)
