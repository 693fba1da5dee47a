"""GET /v1/audit/events/{id}: return one change."""

from app.api.audit.schemas import AUDIT_EVENT_EXAMPLE, AuditEvent, names_in, to_audit_event
from app.handlers import HttpRequest, Success, get_services, success
from app.http.errors import Problem
from app.route import Route
from projections.log_queries.audit.queries import by_id


@Route(
    "GET",
    "/v1/audit/events/{event_id}",
    access="audit:read",
    tag="Audit log",
    summary="Get a change",
    description="Return one event of the audit log by its id.",
    example=AUDIT_EVENT_EXAMPLE,
)
async def get_audit_event(request: HttpRequest, event_id: str) -> Success[AuditEvent]:
    organization_id = request.auth.organization_id
    async with get_services(request).read_transaction(organization_id) as connection:
        entry = await by_id(connection, organization_id, event_id)
        if entry is None:
            raise Problem("not_found")
        names = await names_in(connection, [entry])
    return success(to_audit_event(entry, names))
