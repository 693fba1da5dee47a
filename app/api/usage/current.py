"""GET /v1/usage: what the organization used, beside what its plan allows."""

from litestar import get

from app.api.usage.period import Query, asked
from app.api.usage.shape import organization_usage_shape
from app.requests import HttpRequest, HttpResponse, query_of, services_of, success
from domain.organizations.errors import OrganizationNotFound
from eventstore.clock import now
from projections.usage.reports import organization_report, plan_of


@get("/v1/usage", grant="usage:read")
async def usage_summary(request: HttpRequest) -> HttpResponse:
    return await organization_usage_of(request)


async def organization_usage_of(request: HttpRequest) -> HttpResponse:
    """Only keys that the caller sees are listed; the sums are about the whole organization, as its plan is."""
    wanted = asked(query_of(request, Query), now())
    caller = request.auth
    services = services_of(request)
    async with services.reading(caller.organization_id) as connection:
        plan = await plan_of(connection, caller.organization_id)
        if plan is None:
            raise OrganizationNotFound
        report = await organization_report(
            connection, caller.organization_id, wanted.span, created_by=caller.visible_keys.created_by
        )
    return success(organization_usage_shape(wanted, report, services.plans[plan].monthly_requests))
