"""GET /v1/activity: list the uses of all keys of the organization, newest first."""

from app.api.activity.key_use import KEY_USE_EXAMPLE, KeyUse, names_of_uses, to_key_use
from app.api.activity.query import ActivityQuery
from app.api.activity.tail import UNKNOWN_ENTRY, decode_tail, encode_tail, is_event_id, settled_before
from app.handlers import HttpRequest, ListResponse, get_services
from app.http.errors import invalid
from app.pagination import Page
from app.route import Route
from infrastructure.clock import now
from projections.log_queries.activity.entries import Position
from projections.log_queries.activity.organization import (
    OrganizationSpan,
    organization_entries,
    organization_entries_after,
    organization_tail_after,
    organization_tail_from,
)
from projections.log_queries.activity.queries import SCAN_MAX
from projections.log_queries.activity.tail import Tail
from projections.read_models.usage.organization_batches.apply import ORGANIZATION_BATCHES


@Route(
    "GET",
    "/v1/activity",
    access="audit:read",
    tag="Activity",
    summary="List the uses of all keys",
    description="Every use of every key of the organization, allowed or denied, newest first. A filter compares the "
    f"field of the same name. To find matches, a page reads about {SCAN_MAX:,} uses: `pagination.searched_to` "
    "is then the time down to which it has searched, and `next_cursor` searches further back.\n\n"
    "To follow the uses, read the newest page and then send `pagination.next_after` as `after`, with the same filters. "
    "Each response has the uses since then, oldest first, and the next `next_after`. A use is visible about a second "
    "after its time, and several seconds after it if the database is slow. Every use is returned once, also one that "
    "becomes visible after later ones. A call is returned when it starts, or, if a filter needs its outcome, when it "
    "has ended.",
    example=KEY_USE_EXAMPLE,
)
async def list_activity(request: HttpRequest, query: ActivityQuery) -> ListResponse[KeyUse]:
    caller, services, at = request.auth, get_services(request), now()
    cursors, created_by = services.cursors, caller.visible_keys.created_by
    span = OrganizationSpan(
        caller.organization_id,
        ORGANIZATION_BATCHES.name,
        created_by=created_by,
        since=query.since,
        until=query.until,
        filters=query.filters(),
    )
    purpose = f"organization activity {span}"
    page = Page(request, query, purpose)
    if query.after is not None and query.cursor is not None:
        raise invalid(after="Send either after or cursor, not both")
    settled = settled_before(at, span.filters, services.config.request_timeout_seconds)
    async with services.read_transaction(caller.organization_id) as connection:
        searched: Position | None = None
        tail: Tail | None = None
        if query.after is None:
            found, searched = newest = await organization_entries(connection, span, page.after, page.limit, at)
            if query.cursor is None:
                tail = organization_tail_after(newest, page.rows(found), settled)
        else:
            if is_event_id(query.after):
                tail = await organization_tail_from(connection, span, query.after, settled, at)
            else:
                tail = decode_tail(cursors, query.after, purpose)
            if tail is None:
                raise invalid(after=UNKNOWN_ENTRY)
            found, tail = await organization_entries_after(connection, span, tail, query.per_page, settled, at)
        names = await names_of_uses(connection, page.rows(found), created_by=created_by)
    return page.respond(
        found,
        lambda entry: to_key_use(entry, names, services.country_of),
        lambda entry: entry.position,
        searched=searched,
        next_after=None if tail is None else encode_tail(cursors, tail, purpose),
    )
