"""GET /v1/audit/events: list every change in the organization, newest first.

Uses are not included: they are in the activity of their key and a thousand times as many. A cursor is a position in the
log. Later events have higher positions, so paging neither skips nor repeats events while the log grows.
"""

from typing import Annotated

from litestar import get
from msgspec import Meta, Struct, field

from app.api.audit.schemas import EVENT_TYPES, addresses_of, event_shape
from app.api.event_types import require_known
from app.handlers import HttpRequest, HttpResponse, get_services, parse_query
from app.http.decoding import Instant
from app.http.errors import invalid
from app.http.pagination import PER_PAGE_DEFAULT, PerPage
from app.pagination import Page
from domain.networks import ADDRESS_EXPECTED, parse_address
from projections.log_queries.audit.queries import Filters, newest

Id = Annotated[str, Meta(max_length=100)]


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    type: str | None = None
    actor: Id | None = None
    resource: Id | None = None
    key_id: Id | None = None
    ip: str | None = None
    since: Instant | None = field(default=None, name="from")
    until: Instant | None = field(default=None, name="to")
    cursor: str | None = None
    per_page: PerPage = PER_PAGE_DEFAULT

    def filters(self) -> Filters:
        """Return the filters. Raise 422 for an unknown event type or a malformed address."""
        require_known(self.type, EVENT_TYPES)
        return Filters(self.type, self.actor, self.resource, self.key_id, _address(self.ip), self.since, self.until)


@get("/v1/audit/events", access="audit:read")
async def audit_events(request: HttpRequest) -> HttpResponse:
    query = parse_query(request, Query)
    filters = query.filters()
    services = get_services(request)
    organization_id = request.auth.organization_id
    page = Page(request, query, f"audit {organization_id} {filters}")
    below = None if page.last is None else int(page.last.value)
    async with services.read_transaction(organization_id) as connection:
        found = await newest(connection, organization_id, filters, below=below, limit=page.limit)
        addresses = await addresses_of(connection, page.rows(found))
    parameters = {
        "type": query.type,
        "actor": query.actor,
        "resource": query.resource,
        "key_id": query.key_id,
        "ip": query.ip,
        "from": None if query.since is None else query.since.isoformat(),
        "to": None if query.until is None else query.until.isoformat(),
        "per_page": query.per_page,
    }
    return page.respond(
        found,
        lambda entry: event_shape(entry, addresses),
        lambda entry: (str(entry.position), entry.record.id),
        parameters=parameters,
    )


def _address(given: str | None) -> str | None:
    """Return the address in the form that the log uses."""
    if given is None:
        return None
    address = parse_address(given)
    if address is None:
        raise invalid(ip=ADDRESS_EXPECTED)
    return str(address)
