"""GET /v1/api-keys/{id}/activity: list the changes and uses of a key, or follow them."""

from typing import Annotated

from msgspec import Meta, structs

from app.api.activity.query import ActivityQuery
from app.api.activity.schemas import ACTIVITY_EXAMPLE, ActivityEntry, names_in, to_activity_entry
from app.api.activity.tail import UNKNOWN_ENTRY, decode_tail, encode_tail, is_event_id, settled_before
from app.api.api_keys.visibility import require_visible
from app.api.event_types import require_known
from app.auth.callers import Caller
from app.handlers import HttpRequest, ListResponse, get_services
from app.http.errors import invalid
from app.pagination import Page
from app.route import Route
from domain.keys.decider import KEY
from infrastructure.clock import now
from infrastructure.database.connections import Connection
from infrastructure.geoip import CountryOf
from projections.log_queries.activity.entries import USED, Position
from projections.log_queries.activity.queries import SCAN_MAX, Span, entries, entries_after, tail_after, tail_from
from projections.log_queries.activity.tail import Tail
from projections.read_models.keys.state.queries import key_of

EVENT_TYPES = (*sorted(str(kind.__struct_config__.tag) for kind in KEY.event_types), USED)

ANY_CHANGE = "change"
"""Matches every event type except that of uses."""

_TYPES = (*EVENT_TYPES, ANY_CHANGE)


class Query(ActivityQuery, frozen=True, forbid_unknown_fields=True):
    type: (
        Annotated[
            str,
            Meta(
                description=f"The event type, or `{ANY_CHANGE}` for every change of the key.",
                extra_json_schema={"enum": list(_TYPES)},
            ),
        ]
        | None
    ) = None

    def span(self) -> Span:
        """Return the part of the activity. Raise 422 for an unknown event type or a malformed address."""
        require_known(self.type, _TYPES)
        only_changes = self.type == ANY_CHANGE
        event_type = None if only_changes else self.type
        return Span(event_type, self.since, self.until, only_changes=only_changes, filters=self.filters())


@Route(
    "GET",
    "/v1/api-keys/{key_id}/activity",
    access="keys:read",
    tag="Keys",
    summary="List the activity of a key",
    description="Every change and every use of the key, allowed or denied, newest first. A filter compares the field "
    f"of the same name. To find matches, a page reads at most {SCAN_MAX:,} uses: `pagination.searched_to` is then the "
    "time down to which it has searched, and `next_cursor` searches further back.\n\n"
    "To follow the activity, read the newest page and then send `pagination.next_after` as `after`, with the same "
    "filters. Each response has the entries since then, oldest first, and the next `next_after`. Every entry is "
    "returned once, also one that is recorded late. A call is returned when it starts, or, if a filter needs its "
    "outcome, when it has ended.",
    example=ACTIVITY_EXAMPLE,
)
async def list_key_activity(request: HttpRequest, key_id: str, query: Query) -> ListResponse[ActivityEntry]:
    span, caller, services = query.span(), request.auth, get_services(request)
    organization_id, cursors = caller.organization_id, services.cursors
    filtered = "" if span.filters.is_empty else f" {span.filters}"
    purpose = f"activity {organization_id} {key_id} {query.type} {query.since} {query.until}{filtered}"
    page = Page(request, query, purpose)
    if query.after is not None and query.cursor is not None:
        raise invalid(after="Send either after or cursor, not both")
    settled = settled_before(now(), span.filters, services.config.request_timeout_seconds)
    last_at, last_id = page.after or (None, None)
    async with services.read_transaction(organization_id) as connection:
        state = require_visible(caller, await key_of(connection, key_id, organization_id))
        searched: Position | None = None
        tail: Tail | None = None
        if query.after is None:
            read = structs.replace(span, last_at=last_at, last_id=last_id)
            found, searched = newest = await entries(connection, key_id, organization_id, read, page.limit)
            if query.cursor is None:
                tail = tail_after(newest, page.rows(found), settled, state.key.revision)
        else:
            if is_event_id(query.after):
                tail = await tail_from(connection, key_id, organization_id, query.after, span, settled)
            else:
                tail = decode_tail(cursors, query.after, purpose)
            if tail is None:
                raise invalid(after=UNKNOWN_ENTRY)
            found, tail = await entries_after(connection, key_id, organization_id, span, tail, query.per_page, settled)
        names = await names_in(connection, page.rows(found), created_by=caller.visible_keys.created_by)
    return page.respond(
        found,
        lambda entry: to_activity_entry(entry, names, services.country_of),
        lambda entry: entry.position,
        searched=searched,
        next_after=None if tail is None else encode_tail(cursors, tail, purpose),
    )


async def recent_activity(
    connection: Connection, caller: Caller, key_id: str, limit: int, country_of: CountryOf
) -> list[ActivityEntry]:
    """Return the newest entries of a key."""
    found, _ = await entries(connection, key_id, caller.organization_id, Span(), limit)
    names = await names_in(connection, found, created_by=caller.visible_keys.created_by)
    return [to_activity_entry(entry, names, country_of) for entry in found]
