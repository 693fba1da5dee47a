"""GET /v1/api-keys/{id}/usage: what one key was used for, day by day."""

from litestar import get

from app.api.api_keys.own import seen
from app.api.usage.period import Query, asked
from app.api.usage.shape import key_usage_shape
from app.requests import HttpRequest, HttpResponse, query_of, services_of, success
from eventstore.clock import now
from projections.key_state.queries import key_of
from projections.usage.reports import key_report


@get("/v1/api-keys/{key_id:str}/usage", grant="usage:read")
async def key_usage(request: HttpRequest, key_id: str) -> HttpResponse:
    wanted = asked(query_of(request, Query), now())
    caller = request.auth
    async with services_of(request).reading(caller.organization_id) as connection:
        seen(caller, await key_of(connection, key_id, caller.organization_id))
        report = await key_report(connection, key_id, wanted.span)
    return success(key_usage_shape(key_id, wanted, report))
