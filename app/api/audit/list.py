"""GET /v1/audit/events: list every change in the organization, newest first.

Uses are not included: they are in the activity of their key and a thousand times as many. A cursor is a position in the
log. Later events have higher positions, so paging neither skips nor repeats events while the log grows.
"""

from typing import Annotated

from msgspec import Meta, Struct, field

from app.api.audit.schemas import AUDIT_EVENT_EXAMPLE, EVENT_TYPES, AuditEvent, names_in, to_audit_event
from app.api.event_types import require_known
from app.api.schemas import IdFilter, Since, Until
from app.handlers import HttpRequest, ListResponse, get_services
from app.http.errors import invalid
from app.http.pagination import PER_PAGE_DEFAULT, Cursor, PerPage
from app.pagination import Page
from app.route import Route
from domain.networks import ADDRESS_EXPECTED, parse_address
from projections.log_queries.audit.queries import Filters, newest


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    type: Annotated[str, Meta(description="One event type.", extra_json_schema={"enum": list(EVENT_TYPES)})] | None = (
        None
    )
    actor: (
        Annotated[
            IdFilter,
            Meta(
                description="The id of the user or key that made the change, or the name of a component of Keyledger."
            ),
        ]
        | None
    ) = None
    resource: Annotated[IdFilter, Meta(description="The id of the changed resource.")] | None = None
    key_id: (
        Annotated[IdFilter, Meta(description="The id of a key: changes to the key and changes made with it.")] | None
    ) = None
    ip: Annotated[str, Meta(description="The address that the request came from.")] | None = None
    since: Since | None = field(default=None, name="from")
    until: Until | None = field(default=None, name="to")
    cursor: Cursor | None = None
    per_page: PerPage = PER_PAGE_DEFAULT

    def filters(self) -> Filters:
        """Return the filters. Raise 422 for an unknown event type or a malformed address."""
        require_known(self.type, EVENT_TYPES)
        return Filters(self.type, self.actor, self.resource, self.key_id, _address(self.ip), self.since, self.until)


@Route(
    "GET",
    "/v1/audit/events",
    access="audit:read",
    tag="Audit log",
    summary="List changes",
    description="Every change in the organization, newest first. Uses of keys are not included; they are in the "
    "activity of their key.",
    example=AUDIT_EVENT_EXAMPLE,
)
async def list_audit_events(request: HttpRequest, query: Query) -> ListResponse[AuditEvent]:
    filters = query.filters()
    services = get_services(request)
    organization_id = request.auth.organization_id
    page = Page(request, query, f"audit {organization_id} {filters}")
    below = None if page.last is None else int(page.last.value)
    async with services.read_transaction(organization_id) as connection:
        found = await newest(connection, organization_id, filters, below=below, limit=page.limit)
        names = await names_in(connection, page.rows(found))
    return page.respond(
        found,
        lambda entry: to_audit_event(entry, names),
        lambda entry: (str(entry.position), entry.record.id),
    )


def _address(given: str | None) -> str | None:
    """Return the address in the form that the log uses."""
    if given is None:
        return None
    address = parse_address(given)
    if address is None:
        raise invalid(ip=ADDRESS_EXPECTED)
    return str(address)
