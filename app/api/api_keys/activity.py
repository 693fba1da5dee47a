"""GET /v1/api-keys/{id}/activity: list the changes and uses of a key, newest first."""

from typing import Any

from litestar import get
from msgspec import Struct, field

from app.api.api_keys.visibility import require_visible
from app.api.event_types import require_known
from app.handlers import HttpRequest, HttpResponse, get_services, parse_query
from app.http.decoding import Instant
from app.http.pagination import PER_PAGE_DEFAULT, PerPage
from app.pagination import Page
from domain.keys.decider import KEY
from domain.keys.events import KeyRevoked
from domain.usage.events import KeyUsed
from eventstore.codec import decode_event
from eventstore.recorded import Record
from infrastructure.database.connections import Connection
from infrastructure.geoip import CountryOf
from projections.log_queries.activity.queries import USED, Entry, Span, entries
from projections.read_models.keys.state.queries import key_of

EVENT_TYPES = (*sorted(str(kind.__struct_config__.tag) for kind in KEY.event_types), USED)


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    type: str | None = None
    since: Instant | None = field(default=None, name="from")
    until: Instant | None = field(default=None, name="to")
    cursor: str | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


@get("/v1/api-keys/{key_id:str}/activity", access="keys:read")
async def key_activity(request: HttpRequest, key_id: str) -> HttpResponse:
    query = parse_query(request, Query)
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
    return page.respond(found, lambda entry: _shape(entry, services.country_of), lambda entry: (entry.at, entry.id))


async def recent_activity(
    connection: Connection, key_id: str, organization_id: str, limit: int, country_of: CountryOf
) -> list[dict[str, Any]]:
    """Return the newest entries of a key in their JSON form."""
    return [_shape(entry, country_of) for entry in await entries(connection, key_id, organization_id, Span(), limit)]


def _shape(entry: Entry, country_of: CountryOf) -> dict[str, Any]:
    shape = _event_shape(entry)
    country = None if shape["ip"] is None else country_of(shape["ip"])
    return shape if country is None else {**shape, "country": country}


def _event_shape(entry: Entry) -> dict[str, Any]:
    match entry.happened:
        case Record() as record:
            shape: dict[str, Any] = {
                "id": entry.id,
                "timestamp": entry.at,
                "event": record.type,
                "actor": record.origin.actor,
                "status": "success",
                "ip": record.origin.ip,
                "user_agent": record.origin.user_agent,
                "revision": record.version,
            }
            event = decode_event(record)
            return {**shape, "reason": event.reason} if isinstance(event, KeyRevoked) else shape
        case KeyUsed() as used:
            return _use_shape(entry, used)


def _use_shape(entry: Entry, used: KeyUsed) -> dict[str, Any]:
    completed = entry.completed
    shape: dict[str, Any] = {
        "id": entry.id,
        "timestamp": entry.at,
        "event": USED,
        "action": used.action,
        "actor": {"type": "api_key", "id": used.caller_key_id or used.key_id},
        "status": "denied" if used.code != "valid" else "success",
        "ip": used.ip,
        "user_agent": used.user_agent,
        "revision": used.revision,
    }
    if used.code != "valid":
        shape["reason"] = used.code
    elif used.action == "call":
        # A crash between the two steps of a call leaves it without a recorded end, so its outcome is unknown.
        shape["status"] = "started" if completed is None else completed.status
    if completed is not None:
        shape["latency_ms"] = completed.latency_ms
        if completed.error is not None:
            shape["reason"] = completed.error
    shape |= {name: value for name, value in (("mcp_id", used.mcp_id), ("tool", used.tool)) if value is not None}
    return shape
