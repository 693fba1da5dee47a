"""GET /v1/organization: return the caller's organization with the limits of its plan and their current use."""

from app.api.organization.schemas import ORGANIZATION_EXAMPLE, Organization, to_organization
from app.handlers import HttpRequest, Success, get_services, success
from app.route import Route
from domain.organizations.errors import OrganizationNotFound
from infrastructure.clock import now
from projections.read_models.organizations.billed_usage.queries import used_in_month
from projections.read_models.organizations.list.queries import organization_of


@Route(
    "GET",
    "/v1/organization",
    access="organization:read",
    tag="Organization",
    summary="Get the organization",
    description="The response includes the limits of the plan and their current use.",
    example=ORGANIZATION_EXAMPLE,
    has_revision=True,
)
async def get_organization(request: HttpRequest) -> Success[Organization]:
    services = get_services(request)
    organization_id = request.auth.organization_id
    async with services.read_transaction(organization_id) as connection:
        organization = await organization_of(connection, organization_id)
        if organization is None:
            raise OrganizationNotFound
        used = await used_in_month(connection, organization_id, now())
    return success(to_organization(organization, services.plans, used), revision=organization.revision)
