"""GET and POST /members/invitations/{id}/withdraw: make the link of an invitation unusable."""

from app.api.organization.invitations.delete import WithdrawnInvitation, delete_invitation
from app.api.organization.invitations.get import get_invitation
from app.api.organization.invitations.schemas import Invitation
from app.pages.forms.confirmation import Action, confirmation_page
from app.pages.forms.refusals import refusal_of
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from app.pages.wording.words import ROLES


@Page("GET", "/members/invitations/{invite_id}/withdraw", access="members:write")
async def invitation_withdraw_page(visit: Visit, invite_id: str) -> PageResponse:
    return await confirmation_page(visit, await _action(visit, invite_id))


@Page("POST", "/members/invitations/{invite_id}/withdraw", access="members:write")
async def invitation_withdraw_form(visit: Visit, invite_id: str) -> PageResponse:
    action = await _action(visit, invite_id)
    try:
        await visit.change(delete_invitation, WithdrawnInvitation, invite_id=invite_id)
    except Exception as error:  # noqa: BLE001 -- raised again unless the page can explain it
        return await confirmation_page(visit, action, await refusal_of(visit, error, (), invite_id))
    return visit.go_to("/members", "invitation_withdrawn", has_removed=True)


async def _action(visit: Visit, invite_id: str) -> Action:
    invitation = await visit.read(get_invitation, Invitation, invite_id=invite_id)
    return Action(
        title="Withdraw this invitation?",
        path=f"/members/invitations/{invitation.invite_id}/withdraw",
        crumbs=[("Members", "/members")],
        consequences=[
            (
                f"{invitation.email} was invited as {ROLES[invitation.role].lower()}. "
                "The link in the mail stops working immediately, and the address is erased."
            )
        ],
        button="Withdraw invitation",
        is_danger=True,
    )
