"""Members of the organization, for filters that choose a person by name."""

from app.api.organization.members.get import get_member
from app.api.organization.members.list import list_members
from app.api.organization.members.schemas import Member
from app.pages.visit import Visit
from app.pages.wording.words import ACTORS_WITHOUT_NAME
from domain.ids import is_id
from domain.members.errors import MemberNotFound

_PER_PAGE = 100
_MEMBERS_MAX = 1_000
"""A list of more people is no help to choose one. The page of a member's keys has links that choose them."""


async def member_names(visit: Visit) -> list[tuple[str, str]]:
    """Return the ids and addresses of up to a thousand members by address; none if the visitor may not see them."""
    if not visit.can("members:read"):
        return []
    members: list[Member] = []
    async for page in visit.read_pages(list_members, Member, {"per_page": _PER_PAGE}):
        members += page
        if len(members) >= _MEMBERS_MAX:
            break
    return sorted([(each.user_id, each.email) for each in members if each.email], key=lambda each: each[1].casefold())


async def creator_name(visit: Visit, creator_id: str) -> str:
    """Return words for the creator of keys: a member, a former one, or a key."""
    if not is_id("user", creator_id):
        return ACTORS_WITHOUT_NAME["api_key"]
    try:
        member = await visit.read(get_member, Member, user_id=creator_id)
    except MemberNotFound:
        return ACTORS_WITHOUT_NAME["user"]
    return member.email or ACTORS_WITHOUT_NAME["user"]
