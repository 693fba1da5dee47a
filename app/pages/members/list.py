"""GET /members: the members of the organization with their roles, and the open invitations."""

from asyncio import gather

from msgspec import Struct

from app.api.organization.get import get_organization
from app.api.organization.invitations.list import Invitation, list_invitations
from app.api.organization.members.list import list_members
from app.api.organization.members.schemas import Member
from app.api.organization.schemas import Organization
from app.http.pagination import Cursor
from app.pages.page import Page
from app.pages.query import page_query
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from domain.invitations.errors import InvitationNotFound
from domain.members.errors import MemberNotFound

PER_PAGE = 100


class Query(Struct, frozen=True):
    cursor: Cursor = ""


@Page("GET", "/members", access="members:read")
async def member_list_page(visit: Visit) -> PageResponse:
    query = page_query(visit.request, Query)
    listed, invitations, organization = await gather(
        visit.read_list(list_members, Member, {"cursor": query.cursor or None, "per_page": PER_PAGE}),
        visit.read_list(list_invitations, Invitation, {"per_page": PER_PAGE}),
        visit.read(get_organization, Organization),
    )
    return await visit.page(
        "members/list.html",
        members=listed.data,
        invitations=invitations.data,
        organization=organization,
        user_id=visit.person.user_id,
        is_first=not query.cursor,
        next_cursor=listed.pagination.next_cursor,
    )


async def member_of(visit: Visit, user_id: str) -> Member:
    """Return a member of the organization. Raise 404 if there is none with this id."""
    cursor: str | None = None
    while True:
        listed = await visit.read_list(list_members, Member, {"cursor": cursor, "per_page": PER_PAGE})
        for member in listed.data:
            if member.user_id == user_id:
                return member
        cursor = listed.pagination.next_cursor
        if cursor is None:
            raise MemberNotFound


async def invitation_of(visit: Visit, invite_id: str) -> Invitation:
    """Return an open invitation. Raise 404 if there is none with this id."""
    cursor: str | None = None
    while True:
        listed = await visit.read_list(list_invitations, Invitation, {"cursor": cursor, "per_page": PER_PAGE})
        for invitation in listed.data:
            if invitation.invite_id == invite_id:
                return invitation
        cursor = listed.pagination.next_cursor
        if cursor is None:
            raise InvitationNotFound


def name_of(member: Member) -> str:
    """Return the address of a member, or words for an address that was erased."""
    return member.email or "a member whose address was erased"
