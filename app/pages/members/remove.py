"""GET and POST /members/{id}/remove: remove a member and revoke their keys."""

from app.api.api_keys.list import list_keys
from app.api.api_keys.schemas import Key
from app.api.organization.members.delete import RemovedMember, delete_member
from app.api.organization.members.get import get_member
from app.api.organization.members.schemas import Member
from app.pages.forms.confirmation import Action, confirmation_page
from app.pages.forms.refusals import refusal_of
from app.pages.members.list import name_of
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit


@Page("GET", "/members/{user_id}/remove", access="members:write")
async def member_remove_page(visit: Visit, user_id: str) -> PageResponse:
    return await confirmation_page(visit, await _action(visit, user_id))


@Page("POST", "/members/{user_id}/remove", access="members:write")
async def member_remove_form(visit: Visit, user_id: str) -> PageResponse:
    action = await _action(visit, user_id)
    try:
        await visit.change(delete_member, RemovedMember, revision=visit.fields.one("revision"), user_id=user_id)
    except Exception as error:  # noqa: BLE001 -- raised again unless the page can explain it
        return await confirmation_page(visit, action, await refusal_of(visit, error, (), user_id))
    return visit.go_to("/members", "member_removed", has_removed=True)


async def _action(visit: Visit, user_id: str) -> Action:
    member = await visit.read(get_member, Member, user_id=user_id)
    keys = await visit.read_list(list_keys, Key, {"created_by": user_id, "status": "active", "per_page": 1})
    count = keys.pagination.total or 0
    stop = {0: "They have no active keys.", 1: "Their key stops working immediately."}.get(
        count, f"Their {count:,} keys stop working immediately."
    )
    return Action(
        title=f"Remove {name_of(member)}?",
        path=f"/members/{member.user_id}/remove",
        crumbs=[("Members", "/members")],
        consequences=[
            f"{stop} What they did stays in the log.",
            (
                "Their sessions end. Keys that can manage, made with their keys, are revoked too. "
                "If invited again, they start as a new member."
            ),
        ],
        link=("See their keys", f"/keys?created_by={member.user_id}&status=active") if count else None,
        button="Remove member",
        revision=member.revision,
        is_danger=True,
    )
