"""GET /keys/{key_id}/first-use: the line below a new secret that waits for the first use of the key."""

from datetime import timedelta

from msgspec import Struct

from app.api.activity.schemas import ActivityEntry
from app.api.api_keys.activity import list_key_activity
from app.pages.page import Page
from app.pages.parts.activity_table import reason_text
from app.pages.query import page_query
from app.pages.rendering import PageResponse, unchanged
from app.pages.visit import Visit
from infrastructure.clock import now
from projections.log_queries.activity.entries import USED

WATCHED = timedelta(minutes=5)
"""The time for which the page of a new secret asks for its first use."""

_USES = 100


class Query(Struct, frozen=True):
    """`until`: when the page stops asking, in Unix seconds. `version`: that of the secret.

    `seen`: the refused use that the page shows already.
    """

    until: int = 0
    version: int = 1
    seen: str = ""


@Page("GET", "/keys/{key_id}/first-use", access="keys:read")
async def key_first_use(visit: Visit, key_id: str) -> PageResponse:
    """Return the line if it changed, otherwise 204. A line without a next request ends the waiting."""
    query = page_query(visit.request, Query)
    asked = {"type": USED, "secret_version": query.version, "per_page": _USES}
    entries = await visit.read_list(list_key_activity, ActivityEntry, asked, key_id=key_id)
    uses = list(reversed(entries.data))
    accepted = next((use for use in uses if use.status != "denied"), None)
    refused = uses[-1] if uses and accepted is None else None
    is_over = now().timestamp() > query.until
    if accepted is None and not is_over and (refused is None or refused.id == query.seen):
        return unchanged()
    return visit.fragment(
        "keys/first_use.html",
        key_id=key_id,
        watched_until=query.until,
        version=query.version,
        use=accepted,
        failure="" if accepted is None or not accepted.reason else reason_text(accepted.reason),
        refused=refused,
        refusal="" if refused is None or not refused.reason else reason_text(refused.reason),
        is_over=is_over,
    )
