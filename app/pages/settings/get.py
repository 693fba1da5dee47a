"""GET /settings: the organization, its plan and limits, the URL for MCP clients, and the thresholds of alerts."""

from app.api.organization.get import get_organization
from app.api.organization.schemas import Organization
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.settings.thresholds import shown
from app.pages.visit import Visit
from domain.anomalies.settings import thresholds_of


@Page("GET", "/settings", access="organization:read")
async def settings_page(visit: Visit) -> PageResponse:
    organization = await visit.read(get_organization, Organization)
    return await visit.page(
        "settings/get.html",
        organization=organization,
        rules=shown(thresholds_of(organization.settings)),
    )
