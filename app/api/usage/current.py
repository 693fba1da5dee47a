"""GET /v1/usage: return the organization's usage and the limit of its plan."""

from litestar import get

from app.api.usage.period import Query, parse_period
from app.api.usage.schemas import organization_usage_shape
from app.handlers import HttpRequest, HttpResponse, get_services, parse_query, success
from domain.organizations.errors import OrganizationNotFound
from infrastructure.clock import now
from projections.read_models.usage.reports import organization_report, plan_of


@get("/v1/usage", access="usage:read")
async def usage_summary(request: HttpRequest) -> HttpResponse:
    return await organization_usage_of(request)


async def organization_usage_of(request: HttpRequest) -> HttpResponse:
    """Return the usage. Only keys that the caller can see are listed, but the sums cover the whole organization."""
    period = parse_period(parse_query(request, Query), now())
    caller = request.auth
    services = get_services(request)
    async with services.read_transaction(caller.organization_id) as connection:
        plan = await plan_of(connection, caller.organization_id)
        if plan is None:
            raise OrganizationNotFound
        report = await organization_report(
            connection, caller.organization_id, period.span, created_by=caller.visible_keys.created_by
        )
    return success(organization_usage_shape(period, report, services.plans[plan].monthly_requests))
