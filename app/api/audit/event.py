"""GET /v1/audit/events/{id}: one change."""

from litestar import get

from app.api.audit.shape import addresses_of, event_shape
from app.problems import Problem
from app.requests import HttpRequest, HttpResponse, NoParameters, query_of, services_of, success
from projections.audit.queries import by_id


@get("/v1/audit/events/{event_id:str}", grant="audit:read")
async def audit_event(request: HttpRequest, event_id: str) -> HttpResponse:
    query_of(request, NoParameters)
    organization_id = request.auth.organization_id
    async with services_of(request).reading(organization_id) as connection:
        entry = await by_id(connection, organization_id, event_id)
        if entry is None:
            raise Problem("not_found")
        addresses = await addresses_of(connection, [entry])
    return success(event_shape(entry, addresses))
