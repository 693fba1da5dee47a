"""GET and POST /members/{id}/transfer: make a member the owner of the organization."""

from app.api.organization.members.get import get_member
from app.api.organization.members.schemas import Member
from app.api.organization.members.transfer_ownership import transfer_ownership
from app.pages.forms.confirmation import Action, confirmation_page, not_typed
from app.pages.forms.refusals import refusal_of
from app.pages.members.list import name_of
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit


@Page("GET", "/members/{user_id}/transfer", access="owner")
async def ownership_transfer_page(visit: Visit, user_id: str) -> PageResponse:
    return await confirmation_page(visit, await _action(visit, user_id))


@Page("POST", "/members/{user_id}/transfer", access="owner")
async def ownership_transfer_form(visit: Visit, user_id: str) -> PageResponse:
    action = await _action(visit, user_id)
    mistyped = not_typed(visit, action)
    if mistyped is not None:
        return await confirmation_page(visit, action, mistyped)
    try:
        await visit.change(transfer_ownership, Member, {}, visit.fields.one("revision"), user_id=user_id)
    except Exception as error:  # noqa: BLE001 -- raised again unless the page can explain it
        return await confirmation_page(visit, action, await refusal_of(visit, error, (), user_id))
    return visit.go_to("/members", "ownership_transferred")


async def _action(visit: Visit, user_id: str) -> Action:
    member = await visit.read(get_member, Member, user_id=user_id)
    return Action(
        title=f"Make {name_of(member)} the owner?",
        path=f"/members/{member.user_id}/transfer",
        crumbs=[("Members", "/members")],
        consequences=[
            (
                "They alone can then change the plan, delete the organization and transfer the ownership. "
                "You become an admin. Only they can undo this."
            ),
        ],
        button="Transfer ownership",
        revision=member.revision,
        is_danger=True,
        typed=member.email or "transfer",
    )
