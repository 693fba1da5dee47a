"""GET /v1/api-keys/{id}/usage: return the usage of one key, day by day."""

from litestar import get

from app.api.api_keys.visibility import require_visible
from app.api.usage.period import Query, parse_period
from app.api.usage.schemas import to_key_report
from app.handlers import HttpRequest, HttpResponse, get_services, parse_query, success
from infrastructure.clock import now
from projections.read_models.keys.state.queries import key_of
from projections.read_models.usage.reports import key_report


@get("/v1/api-keys/{key_id:str}/usage", access="usage:read")
async def key_usage(request: HttpRequest, key_id: str) -> HttpResponse:
    period = parse_period(parse_query(request, Query), now())
    caller = request.auth
    async with get_services(request).read_transaction(caller.organization_id) as connection:
        require_visible(caller, await key_of(connection, key_id, caller.organization_id))
        report = await key_report(connection, key_id, period.span)
    return success(to_key_report(key_id, period, report))
