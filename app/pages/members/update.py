"""GET and POST /members/{id}/role: change the role of a member."""

from app.api.organization.members.get import get_member
from app.api.organization.members.schemas import Member
from app.api.organization.members.update import ChangedMember, update_member
from app.pages.forms.refusals import ACCEPTED, Refusal, refusal_of
from app.pages.members.list import name_of
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit


@Page("GET", "/members/{user_id}/role", access="members:write")
async def member_role_page(visit: Visit, user_id: str) -> PageResponse:
    member = await visit.read(get_member, Member, user_id=user_id)
    return await _form_page(visit, member, member.role)


@Page("POST", "/members/{user_id}/role", access="members:write")
async def member_role_form(visit: Visit, user_id: str) -> PageResponse:
    member = await visit.read(get_member, Member, user_id=user_id)
    role = visit.fields.one("role")
    try:
        await visit.change(update_member, ChangedMember, {"role": role}, visit.fields.one("revision"), user_id=user_id)
    except Exception as error:  # noqa: BLE001 -- raised again unless the form can explain it
        return await _form_page(visit, member, role, await refusal_of(visit, error, ("role",), user_id))
    return visit.go_to("/members", "member_changed")


async def _form_page(visit: Visit, member: Member, role: str, refusal: Refusal = ACCEPTED) -> PageResponse:
    return await visit.page(
        "members/role.html", status=refusal.status, member=member, name=name_of(member), role=role, refusal=refusal
    )
