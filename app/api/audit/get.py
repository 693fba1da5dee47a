"""GET /v1/audit/events/{id}: return one change."""

from litestar import get

from app.api.audit.schemas import addresses_of, event_shape
from app.handlers import Empty, HttpRequest, HttpResponse, get_services, parse_query, success
from app.http.errors import Problem
from projections.log_queries.audit.queries import by_id


@get("/v1/audit/events/{event_id:str}", access="audit:read")
async def audit_event(request: HttpRequest, event_id: str) -> HttpResponse:
    parse_query(request, Empty)
    organization_id = request.auth.organization_id
    async with get_services(request).read_transaction(organization_id) as connection:
        entry = await by_id(connection, organization_id, event_id)
        if entry is None:
            raise Problem("not_found")
        addresses = await addresses_of(connection, [entry])
    return success(event_shape(entry, addresses))
