"""GET /v1/organization: the caller's organization, what its plan allows and how much of that is used."""

from litestar import get

from app.api.organization.shape import organization_shape
from app.requests import HttpRequest, HttpResponse, NoParameters, query_of, services_of, success
from domain.organizations.errors import OrganizationNotFound
from eventstore.clock import now
from projections.organization_list.queries import organization_of
from projections.quota.queries import used_in_month


@get("/v1/organization", grant="organization:read")
async def organization_detail(request: HttpRequest) -> HttpResponse:
    query_of(request, NoParameters)
    services = services_of(request)
    organization_id = request.auth.organization_id
    async with services.reading(organization_id) as connection:
        organization = await organization_of(connection, organization_id)
        if organization is None:
            raise OrganizationNotFound
        used = await used_in_month(connection, organization_id, now())
    return success(
        organization_shape(organization, services.plans, used),
        headers={"ETag": f'"{organization.revision}"', "X-Revision": str(organization.revision)},
    )
