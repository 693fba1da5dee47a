"""GET and POST /settings/edit: change the name, the description, the URL for MCP clients and the handling of leaks."""

from app.api.organization.get import get_organization
from app.api.organization.schemas import Organization
from app.api.organization.update import update_organization
from app.pages.fields import Fields
from app.pages.forms.refusals import ACCEPTED, Refusal, refusal_of
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from app.pages.wording.words import LEAK_POLICIES
from domain.leaks.policy import DEFAULT, SETTING, policy_of
from domain.organizations.connect import MCP_URL, validate

LABELS = {
    "name": "Name",
    "description": "Description",
    "mcp_url": "URL for MCP clients",
    "leaked_keys": "When a key is found in public",
}


@Page("GET", "/settings/edit", access="organization:write")
async def settings_edit_page(visit: Visit) -> PageResponse:
    organization = await visit.read(get_organization, Organization)
    stored = [
        ("name", organization.name),
        ("description", organization.description),
        ("mcp_url", str(organization.settings.get(MCP_URL, ""))),
        ("leaked_keys", policy_of(organization.settings)),
    ]
    return await _form_page(visit, organization, Fields(stored))


@Page("POST", "/settings/edit", access="organization:write")
async def settings_edit_form(visit: Visit) -> PageResponse:
    fields = visit.fields
    organization = await visit.read(get_organization, Organization)
    settings = {name: value for name, value in organization.settings.items() if name not in (MCP_URL, SETTING)}
    if fields.one("mcp_url").strip():
        settings[MCP_URL] = fields.one("mcp_url").strip()
    policy = fields.one("leaked_keys") or policy_of(organization.settings)
    if policy != DEFAULT:  # the default is not stored, so that it follows a better one of a later version
        settings[SETTING] = policy
    problems = [problem.removeprefix(f"{MCP_URL} ") for problem in validate(settings)]
    if problems:
        refused = Refusal({"mcp_url": f"The URL {problems[0]}."}, "", 422)
        return await _form_page(visit, organization, fields, refused)
    body = {"name": fields.one("name").strip(), "description": fields.one("description").strip(), "settings": settings}
    try:
        await visit.change(update_organization, Organization, body, fields.one("revision"))
    except Exception as error:  # noqa: BLE001 -- raised again unless the form can explain it
        return await _form_page(visit, organization, fields, await refusal_of(visit, error, LABELS, organization.id))
    return visit.go_to("/settings", "settings_changed")


async def _form_page(
    visit: Visit, organization: Organization, fields: Fields, refusal: Refusal = ACCEPTED
) -> PageResponse:
    return await visit.page(
        "settings/edit.html",
        status=refusal.status,
        organization=organization,
        stored_url=organization.settings.get(MCP_URL, ""),
        stored_policy=LEAK_POLICIES[policy_of(organization.settings)][0],
        policies=[(policy, *texts) for policy, texts in LEAK_POLICIES.items()],
        fields=fields,
        labels=LABELS,
        refusal=refusal,
        revision=fields.one("revision") if refusal.errors or refusal.notice else organization.revision,
    )
