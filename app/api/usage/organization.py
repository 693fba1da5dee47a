"""GET /v1/organization/usage: an alias of /v1/usage next to the other organization routes."""

from app.api.usage.csv_file import CSV, CSV_HEADERS, usage_response
from app.api.usage.current import report_on_organization
from app.api.usage.period import OrganizationQuery
from app.api.usage.schemas import ORGANIZATION_REPORT_EXAMPLE, OrganizationReport
from app.handlers import HttpRequest, HttpResponse, Success
from app.route import Route


@Route(
    "GET",
    "/v1/organization/usage",
    access="usage:read",
    tag="Usage",
    summary="Get the usage of the organization (alias)",
    description="The same as `GET /v1/usage`.",
    example=ORGANIZATION_REPORT_EXAMPLE,
    other_media_types=(CSV,),
    headers=CSV_HEADERS,
)
async def get_organization_usage(
    request: HttpRequest, query: OrganizationQuery
) -> Success[OrganizationReport] | HttpResponse:
    return usage_response(await report_on_organization(request, query), query)
