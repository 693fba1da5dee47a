"""Organizations in responses."""

from typing import Annotated

from msgspec import Meta, Struct

from app.api import examples
from app.api.schemas import Count, OrganizationId, Revision, Time
from domain.organizations.connect import mcp_url
from domain.organizations.events import Settings
from domain.plans.plan import PlanName, Plans
from projections.read_models.organizations.list.queries import OrganizationDetail

Limit = Annotated[int | None, Meta(description="Null: unlimited.")]
McpUrl = Annotated[
    str | None,
    Meta(
        description="The URL to configure in MCP clients: the setting `connect.mcp_url` with the slug. Null if it is"
        " not set."
    ),
]
EmailAddress = Annotated[str, Meta(extra_json_schema={"format": "idn-email"})]


class OrganizationLimits(Struct, frozen=True):
    """The limits of the plan."""

    mcps: Limit
    api_keys: Limit
    team_members: Limit
    monthly_requests: Limit


class OrganizationUsage(Struct, frozen=True):
    """The current use of the limits. Requests are those with live keys in the calendar month (UTC)."""

    mcps: Count
    api_keys: Count
    team_members: Count
    monthly_requests: Count


class Organization(Struct, frozen=True):
    """An organization with its plan. Its slug never changes."""

    id: OrganizationId
    name: str
    slug: str
    description: str
    plan: PlanName
    created_at: Time
    settings: Settings
    mcp_url: McpUrl
    limits: OrganizationLimits
    usage: OrganizationUsage
    revision: Revision


ORGANIZATION_EXAMPLE = Organization(
    id=examples.ORGANIZATION_ID,
    name="Acme",
    slug="acme",
    description="",
    plan="pro",
    created_at=examples.THEN,
    settings={"theme": "dark", "connect.mcp_url": "https://gateway.example/{slug}/mcp"},
    mcp_url="https://gateway.example/acme/mcp",
    limits=OrganizationLimits(mcps=15, api_keys=10, team_members=5, monthly_requests=50_000),
    usage=OrganizationUsage(mcps=3, api_keys=7, team_members=2, monthly_requests=1200),
    revision=2,
)


def to_organization(organization: OrganizationDetail, plans: Plans, monthly_requests: int) -> Organization:
    """Return the organization. `monthly_requests` count towards this month's quota."""
    limits = plans[organization.plan]
    return Organization(
        id=organization.organization_id,
        name=organization.name,
        slug=organization.slug,
        description=organization.description,
        plan=organization.plan,
        created_at=organization.created_at,
        settings=organization.settings,
        mcp_url=mcp_url(organization.settings, organization.slug),
        limits=OrganizationLimits(
            mcps=limits.mcps,
            api_keys=limits.api_keys,
            team_members=limits.team_members,
            monthly_requests=limits.monthly_requests,
        ),
        usage=OrganizationUsage(
            mcps=organization.mcps,
            api_keys=organization.api_keys,
            team_members=organization.team_members,
            monthly_requests=monthly_requests,
        ),
        revision=organization.revision,
    )
