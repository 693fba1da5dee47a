"""GET /v1/api-keys/{id}/activity: list the changes and uses of a key, newest first."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field, structs

from app.api import examples
from app.api.api_keys.visibility import require_visible
from app.api.event_types import require_known
from app.api.schemas import Actor, Count, Since, Time, Until, to_actor
from app.handlers import HttpRequest, ListResponse, get_services
from app.http.pagination import PER_PAGE_DEFAULT, Cursor, PerPage
from app.pagination import Page
from app.route import Route
from domain.keys.decider import KEY
from domain.keys.events import KeyRevoked
from domain.usage.events import Action, CallCompleted, KeyUsed
from eventstore.codec import decode_event
from eventstore.recorded import Record
from infrastructure.database.connections import Connection
from infrastructure.geoip import CountryOf
from projections.log_queries.activity.queries import USED, Entry, Span, entries
from projections.read_models.keys.state.queries import key_of

EVENT_TYPES = (*sorted(str(kind.__struct_config__.tag) for kind in KEY.event_types), USED)

Status = Literal["success", "denied", "started", "error"]


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    type: Annotated[str, Meta(description="The event type.", extra_json_schema={"enum": list(EVENT_TYPES)})] | None = (
        None
    )
    since: Since | None = field(default=None, name="from")
    until: Until | None = field(default=None, name="to")
    cursor: Cursor | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


class ActivityEntry(Struct, frozen=True, kw_only=True):
    """A change or a use of the key. The `status` of a call without a recorded end is `started`.

    `country` is that of `ip`, two letters (ISO 3166-1), if the service has a database that contains it.
    """

    id: str
    timestamp: Time
    event: str
    action: Action | UnsetType = UNSET
    actor: Actor
    status: Status
    ip: str | None
    user_agent: str | None
    revision: int | None
    latency_ms: Count | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    mcp_id: str | UnsetType = UNSET
    tool: str | UnsetType = UNSET
    country: str | UnsetType = UNSET


ACTIVITY_EXAMPLE = ActivityEntry(
    id=examples.EVENT_ID,
    timestamp=examples.LATER,
    event=USED,
    action="call",
    actor=Actor("api_key", examples.KEY_ID),
    status="success",
    ip="192.0.2.7",
    user_agent="agent/1.0",
    revision=3,
    latency_ms=42,
    mcp_id=examples.MCP_ID,
    tool="get_page",
)


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
    return page.respond(
        found, lambda entry: _to_activity_entry(entry, services.country_of), lambda entry: (entry.at, entry.id)
    )


async def recent_activity(
    connection: Connection, key_id: str, organization_id: str, limit: int, country_of: CountryOf
) -> list[ActivityEntry]:
    """Return the newest entries of a key."""
    found = await entries(connection, key_id, organization_id, Span(), limit)
    return [_to_activity_entry(entry, country_of) for entry in found]


def _to_activity_entry(entry: Entry, country_of: CountryOf) -> ActivityEntry:
    match entry.happened:
        case Record() as record:
            shown = _to_change(entry, record)
        case KeyUsed() as used:
            shown = _to_use(entry, used)
    country = None if shown.ip is None else country_of(shown.ip)
    return shown if country is None else structs.replace(shown, country=country)


def _to_change(entry: Entry, record: Record) -> ActivityEntry:
    event = decode_event(record)
    return ActivityEntry(
        id=entry.id,
        timestamp=entry.at,
        event=record.type,
        actor=to_actor(record.origin.actor),
        status="success",
        ip=record.origin.ip,
        user_agent=record.origin.user_agent,
        revision=record.version,
        reason=event.reason if isinstance(event, KeyRevoked) else UNSET,
    )


def _to_use(entry: Entry, used: KeyUsed) -> ActivityEntry:
    completed = entry.completed
    return ActivityEntry(
        id=entry.id,
        timestamp=entry.at,
        event=USED,
        action=used.action,
        actor=Actor("api_key", used.caller_key_id or used.key_id),
        status=_status(used, completed),
        ip=used.ip,
        user_agent=used.user_agent,
        revision=used.revision,
        latency_ms=UNSET if completed is None else completed.latency_ms,
        reason=_reason(used, completed),
        mcp_id=UNSET if used.mcp_id is None else used.mcp_id,
        tool=UNSET if used.tool is None else used.tool,
    )


def _status(used: KeyUsed, completed: CallCompleted | None) -> Status:
    if used.code != "valid":
        return "denied"
    if used.action != "call":
        return "success"
    # A crash between the two steps of a call leaves it without a recorded end, so its outcome is unknown.
    return "started" if completed is None else completed.status


def _reason(used: KeyUsed, completed: CallCompleted | None) -> str | UnsetType:
    if completed is not None and completed.error is not None:
        return completed.error
    return UNSET if used.code == "valid" else used.code
