"""GET and POST /settings/plan: change the plan of the organization."""

from app.api.organization.get import get_organization
from app.api.organization.schemas import Organization
from app.api.organization.update import update_organization
from app.handlers import get_services
from app.pages.forms.refusals import ACCEPTED, Refusal, refusal_of
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from app.pages.wording.text import number, plural
from domain.plans.plan import Limits


@Page("GET", "/settings/plan", access="owner")
async def plan_page(visit: Visit) -> PageResponse:
    organization = await visit.read(get_organization, Organization)
    return await _form_page(visit, organization, organization.plan)


@Page("POST", "/settings/plan", access="owner")
async def plan_form(visit: Visit) -> PageResponse:
    organization, plan = await visit.read(get_organization, Organization), visit.fields.one("plan")
    try:
        await visit.change(update_organization, Organization, {"plan": plan}, visit.fields.one("revision"))
    except Exception as error:  # noqa: BLE001 -- raised again unless the form can explain it
        return await _form_page(visit, organization, plan, await refusal_of(visit, error, ("plan",), organization.id))
    return visit.go_to("/settings", "settings_changed")


async def _form_page(
    visit: Visit, organization: Organization, chosen: str, refusal: Refusal = ACCEPTED
) -> PageResponse:
    plans = get_services(visit.request).plans
    return await visit.page(
        "settings/plan.html",
        status=refusal.status,
        organization=organization,
        plans=[(name, name.capitalize(), _limits(limits)) for name, limits in plans.items()],
        chosen=chosen,
        refusal=refusal,
    )


def _limits(limits: Limits) -> str:
    """Return the limits in words: "10 keys, 15 MCP servers, 5 members, 50,000 requests a month"."""
    counts = (
        (limits.api_keys, "key"),
        (limits.mcps, "MCP server"),
        (limits.team_members, "member"),
    )
    parts = [plural(limit, noun) for limit, noun in counts if limit is not None]
    if limits.monthly_requests is not None:
        parts.append(f"{number(limits.monthly_requests)} requests a month")
    return ", ".join(parts) or "No limits"
