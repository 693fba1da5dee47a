"""GET /v1/api-keys/{id}/usage: return the usage of one key, by day and for short periods by hour."""

from app.api.api_keys.visibility import require_visible
from app.api.usage.period import Query, parse_period
from app.api.usage.schemas import COUNTING, KEY_REPORT_EXAMPLE, KeyReport, to_key_report
from app.handlers import HttpRequest, Success, get_services, success
from app.route import Route
from infrastructure.clock import now
from projections.read_models.keys.state.queries import key_of
from projections.read_models.usage.reports import key_report


@Route(
    "GET",
    "/v1/api-keys/{key_id}/usage",
    access="usage:read",
    tag="Usage",
    summary="Get the usage of a key",
    description=COUNTING,
    example=KEY_REPORT_EXAMPLE,
)
async def get_key_usage(request: HttpRequest, key_id: str, query: Query) -> Success[KeyReport]:
    period = parse_period(query, now())
    caller = request.auth
    async with get_services(request).read_transaction(caller.organization_id) as connection:
        require_visible(caller, await key_of(connection, key_id, caller.organization_id))
        report = await key_report(connection, key_id, period.span)
    return success(to_key_report(key_id, period, report))
