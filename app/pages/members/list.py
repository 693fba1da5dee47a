"""GET /members: the members of the organization with their roles, and the open invitations."""

from asyncio import gather

from msgspec import Struct

from app.api.organization.get import get_organization
from app.api.organization.invitations.list import list_invitations
from app.api.organization.invitations.schemas import Invitation
from app.api.organization.members.list import list_members
from app.api.organization.members.schemas import Member
from app.api.organization.schemas import Organization
from app.pages.page import Page
from app.pages.query import link_to, page_query
from app.pages.rendering import PageResponse
from app.pages.visit import Visit

PER_PAGE = 100

_PATH = "/members"


class Query(Struct, frozen=True, omit_defaults=True):
    """The pages of the two lists."""

    cursor: str = ""
    invitations: str = ""


@Page("GET", "/members", access="members:read")
async def member_list_page(visit: Visit) -> PageResponse:
    query = page_query(visit.request, Query)
    listed, invitations, organization = await gather(
        visit.read_list(list_members, Member, {"cursor": query.cursor or None, "per_page": PER_PAGE}),
        visit.read_list(list_invitations, Invitation, {"cursor": query.invitations or None, "per_page": PER_PAGE}),
        visit.read(get_organization, Organization),
    )
    later, older = listed.pagination.next_cursor, invitations.pagination.next_cursor
    return await visit.page(
        "members/list.html",
        row_ids=[*(each.user_id for each in listed.data), *(each.invite_id for each in invitations.data)],
        members=listed.data,
        invitations=invitations.data,
        organization=organization,
        user_id=visit.person.user_id,
        first=link_to(_PATH, query) if query.cursor else None,
        later=None if later is None else link_to(_PATH, query, cursor=later),
        newest_invitations=_invitations(query, None) if query.invitations else None,
        older_invitations=None if older is None else _invitations(query, older),
    )


def _invitations(query: Query, cursor: str | None) -> str:
    """Return the address of a page of invitations, next to the same page of members."""
    return f"{link_to(_PATH, query, cursor=query.cursor, invitations=cursor)}#invitations"


def name_of(member: Member) -> str:
    """Return the address of a member, or words for an address that was erased."""
    return member.email or "a member whose address was erased"
