"""GET and POST /settings/delete: delete the organization, after its slug was typed, because names are not unique."""

from app.api.organization.delete import DeletedOrganization, delete_organization
from app.api.organization.get import get_organization
from app.api.organization.schemas import Organization
from app.auth.sessions import cookies_of
from app.handlers import get_services
from app.pages.forms.confirmation import Action, confirmation_page, not_typed
from app.pages.forms.refusals import refusal_of
from app.pages.page import Page
from app.pages.rendering import PageResponse, go_to
from app.pages.visit import Visit
from app.pages.wording.text import plural
from domain.organizations.decider import RESTORABLE_FOR


@Page("GET", "/settings/delete", access="owner")
async def organization_delete_page(visit: Visit) -> PageResponse:
    return await confirmation_page(visit, _action(await visit.read(get_organization, Organization)))


@Page("POST", "/settings/delete", access="owner")
async def organization_delete_form(visit: Visit) -> PageResponse:
    organization = await visit.read(get_organization, Organization)
    action = _action(organization)
    mistyped = not_typed(visit, action)
    if mistyped is not None:
        return await confirmation_page(visit, action, mistyped)
    body, revision = {"confirm": organization.slug}, visit.fields.one("revision")
    try:
        await visit.change(delete_organization, DeletedOrganization, body, revision)
    except Exception as error:  # noqa: BLE001 -- raised again unless the page can explain it
        return await confirmation_page(visit, action, await refusal_of(visit, error, (), organization.id))
    expired = cookies_of(get_services(visit.request).config).expire("session")
    return go_to("/sign-in", {"Set-Cookie": expired})


def _action(organization: Organization) -> Action:
    usage = organization.usage
    stops = f"{plural(usage.api_keys, 'key')} and the sessions of {plural(usage.team_members, 'member')}"
    return Action(
        title=f"Delete {organization.name}?",
        path="/settings/delete",
        crumbs=[("Settings", "/settings")],
        consequences=[
            f"{stops} stop working immediately, yours too. Webhooks, alerts and mails stop.",
            (
                f"The operator of this service can restore the organization for {RESTORABLE_FOR.days} days. "
                "Afterwards its credentials, webhook secrets and email addresses are erased. The log stays."
            ),
        ],
        button="Delete organization",
        revision=organization.revision,
        is_danger=True,
        typed=organization.slug,
    )
