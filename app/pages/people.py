"""Members of the organization, for filters that choose a person by name."""

from app.api.organization.members.list import list_members
from app.api.organization.members.schemas import Member
from app.pages.visit import Visit

_SHOWN_MAX = 100


async def member_names(visit: Visit) -> list[tuple[str, str]]:
    """Return the ids and addresses of the first hundred members by address; none if the visitor may not see them."""
    if not visit.can("members:read"):
        return []
    members = (await visit.read_list(list_members, Member, {"per_page": _SHOWN_MAX})).data
    return sorted([(each.user_id, each.email) for each in members if each.email], key=lambda each: each[1].casefold())
