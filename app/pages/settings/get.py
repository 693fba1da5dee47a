"""GET /settings: the organization, its plan and limits, the URL for MCP clients, and the thresholds of alerts."""

from asyncio import gather

from app.api.organization.get import get_organization
from app.api.organization.schemas import Organization
from app.pages.charts.month import month_of
from app.pages.page import Page
from app.pages.parts.month_usage import billed_requests, plan_chart
from app.pages.rendering import PageResponse
from app.pages.settings.thresholds import shown
from app.pages.visit import Visit
from app.pages.wording.words import LEAK_POLICIES
from domain.anomalies.settings import thresholds_of
from domain.leaks.policy import policy_of
from infrastructure.clock import now


@Page("GET", "/settings", access="organization:read")
async def settings_page(visit: Visit) -> PageResponse:
    month = month_of(now())
    organization, billed = await gather(visit.read(get_organization, Organization), billed_requests(visit, month))
    return await visit.page(
        "settings/get.html",
        organization=organization,
        month=plan_chart(month, billed, organization.limits.monthly_requests),
        leaked_keys=LEAK_POLICIES[policy_of(organization.settings)][0],
        rules=shown(thresholds_of(organization.settings)),
    )
