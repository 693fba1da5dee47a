"""JSON form of an organization."""

from typing import Any

from domain.plans.plan import Plans
from projections.read_models.organizations.list.queries import OrganizationDetail


def organization_shape(organization: OrganizationDetail, plans: Plans, monthly_requests: int) -> dict[str, Any]:
    """Return the JSON form. `monthly_requests` count towards this month's quota. A null limit means unlimited."""
    limits = plans[organization.plan]
    return {
        "id": organization.organization_id,
        "name": organization.name,
        "slug": organization.slug,
        "description": organization.description,
        "plan": organization.plan,
        "created_at": organization.created_at,
        "settings": organization.settings,
        "limits": {
            "mcps": limits.mcps,
            "api_keys": limits.api_keys,
            "team_members": limits.team_members,
            "monthly_requests": limits.monthly_requests,
        },
        "usage": {
            "mcps": organization.mcps,
            "api_keys": organization.api_keys,
            "team_members": organization.team_members,
            "monthly_requests": monthly_requests,
        },
        "revision": organization.revision,
    }
