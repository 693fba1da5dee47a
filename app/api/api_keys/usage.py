"""GET /v1/api-keys/{id}/usage: return the usage of one key, by day and by hour, also as CSV."""

from app.api.api_keys.visibility import require_visible
from app.api.usage.csv_file import CSV, CSV_HEADERS, usage_response
from app.api.usage.period import HOURS_DAYS_MAX, KeyQuery, parse_period
from app.api.usage.schemas import COUNTING, KEY_REPORT_EXAMPLE, KeyReport, to_key_report
from app.handlers import HttpRequest, HttpResponse, Success, get_services
from app.route import Route
from infrastructure.clock import now
from projections.read_models.keys.state.queries import key_of
from projections.read_models.usage.counted_until import counted_until
from projections.read_models.usage.key_details import details_by_day, details_by_hour
from projections.read_models.usage.key_report import key_report
from projections.read_models.usage.latency import added


@Route(
    "GET",
    "/v1/api-keys/{key_id}/usage",
    access="usage:read",
    tag="Usage",
    summary="Get the usage of a key",
    description=COUNTING,
    example=KEY_REPORT_EXAMPLE,
    other_media_types=(CSV,),
    headers=CSV_HEADERS,
)
async def get_key_usage(request: HttpRequest, key_id: str, query: KeyQuery) -> Success[KeyReport] | HttpResponse:
    at = now()
    period = parse_period(query, at)
    with_hours = query.bucket == "hour" or len(period.span.days) <= HOURS_DAYS_MAX
    caller = request.auth
    async with get_services(request).read_transaction(caller.organization_id) as connection:
        require_visible(caller, await key_of(connection, key_id, caller.organization_id))
        until = await counted_until(connection, at)
        days = {} if query.bucket is None else await details_by_day(connection, key_id, period.span)
        # The details of UTC days contain the latencies of the period.
        histogram = added(day.histogram or {} for day in days.values()) if days and period.span.is_utc else None
        report = await key_report(connection, key_id, period.span, with_hours=with_hours, histogram=histogram)
        hours = {} if query.bucket != "hour" else await details_by_hour(connection, key_id, period.span)
    return usage_response(to_key_report(key_id, period, report, days=days, hours=hours, counted_until=until), query)
