"""GET /v1/api-keys/{id}/activity: list the changes and uses of a key, newest first."""

from typing import Annotated

from msgspec import Meta, Struct, field

from app.api.activity.schemas import ACTIVITY_EXAMPLE, ActivityEntry, names_in, to_activity_entry
from app.api.api_keys.visibility import require_visible
from app.api.event_types import require_known
from app.api.schemas import Since, Until
from app.auth.callers import Caller
from app.handlers import HttpRequest, ListResponse, get_services
from app.http.pagination import PER_PAGE_DEFAULT, Cursor, PerPage
from app.pagination import Page
from app.route import Route
from domain.keys.decider import KEY
from infrastructure.database.connections import Connection
from infrastructure.geoip import CountryOf
from projections.log_queries.activity.entries import USED
from projections.log_queries.activity.queries import Span, entries
from projections.read_models.keys.state.queries import key_of

EVENT_TYPES = (*sorted(str(kind.__struct_config__.tag) for kind in KEY.event_types), USED)


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    type: Annotated[str, Meta(description="The event type.", extra_json_schema={"enum": list(EVENT_TYPES)})] | None = (
        None
    )
    since: Since | None = field(default=None, name="from")
    until: Until | None = field(default=None, name="to")
    cursor: Cursor | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


@Route(
    "GET",
    "/v1/api-keys/{key_id}/activity",
    access="keys:read",
    tag="Keys",
    summary="List the activity of a key",
    description="Every change and every use of the key, allowed or denied, newest first.",
    example=ACTIVITY_EXAMPLE,
)
async def list_key_activity(request: HttpRequest, key_id: str, query: Query) -> ListResponse[ActivityEntry]:
    require_known(query.type, EVENT_TYPES)
    services = get_services(request)
    organization_id = request.auth.organization_id
    page = Page(request, query, f"activity {organization_id} {key_id} {query.type} {query.since} {query.until}")
    last_at, last_id = page.after or (None, None)
    span = Span(
        type=query.type,
        since=query.since,
        until=query.until,
        last_at=last_at,
        last_id=last_id,
    )
    async with services.read_transaction(organization_id) as connection:
        require_visible(request.auth, await key_of(connection, key_id, organization_id))
        found = await entries(connection, key_id, organization_id, span, page.limit)
        names = await names_in(connection, page.rows(found), created_by=request.auth.visible_keys.created_by)
    return page.respond(
        found, lambda entry: to_activity_entry(entry, names, services.country_of), lambda entry: (entry.at, entry.id)
    )


async def recent_activity(
    connection: Connection, caller: Caller, key_id: str, limit: int, country_of: CountryOf
) -> list[ActivityEntry]:
    """Return the newest entries of a key."""
    found = await entries(connection, key_id, caller.organization_id, Span(), limit)
    names = await names_in(connection, found, created_by=caller.visible_keys.created_by)
    return [to_activity_entry(entry, names, country_of) for entry in found]
