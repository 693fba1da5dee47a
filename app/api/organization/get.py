"""GET /v1/organization: return the caller's organization with the limits of its plan and their current use."""

from litestar import get

from app.api.organization.schemas import organization_shape
from app.handlers import Empty, HttpRequest, HttpResponse, get_services, parse_query, success
from domain.organizations.errors import OrganizationNotFound
from infrastructure.clock import now
from projections.read_models.organizations.billed_usage.queries import used_in_month
from projections.read_models.organizations.list.queries import organization_of


@get("/v1/organization", access="organization:read")
async def organization_detail(request: HttpRequest) -> HttpResponse:
    parse_query(request, Empty)
    services = get_services(request)
    organization_id = request.auth.organization_id
    async with services.read_transaction(organization_id) as connection:
        organization = await organization_of(connection, organization_id)
        if organization is None:
            raise OrganizationNotFound
        used = await used_in_month(connection, organization_id, now())
    return success(
        organization_shape(organization, services.plans, used),
        headers={"ETag": f'"{organization.revision}"', "X-Revision": str(organization.revision)},
    )
