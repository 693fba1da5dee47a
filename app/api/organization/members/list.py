"""GET /v1/organization/members: list the members of the organization in the order in which they joined."""

from typing import Annotated

from msgspec import Meta, Struct

from app.api.organization.members.schemas import MEMBER_EXAMPLE, Member, to_member
from app.handlers import HttpRequest, ListResponse, get_services
from app.http.pagination import PER_PAGE_DEFAULT, Cursor, PageNumber, PerPage
from app.pagination import Page
from app.route import Route
from domain.members.events import Role
from projections.read_models.members.list.queries import Filters, page, page_after, total


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    role: Annotated[Role, Meta(description="Only members with this role.")] | None = None
    page: PageNumber | None = None
    cursor: Cursor | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


@Route(
    "GET",
    "/v1/organization/members",
    access="members:read",
    tag="Members",
    summary="List members",
    description="In the order in which they joined.",
    example=MEMBER_EXAMPLE,
)
async def list_members(request: HttpRequest, query: Query) -> ListResponse[Member]:
    services = get_services(request)
    filters = Filters(request.auth.organization_id, query.role)
    requested = Page(request, query, f"members {filters}")
    async with services.read_transaction(filters.organization_id) as connection:
        if requested.after is None:
            found = await page(connection, filters, requested.limit, requested.offset)
        else:
            found = await page_after(connection, filters, *requested.after, requested.limit)
        count = await total(connection, filters)
    return requested.respond(found, to_member, lambda member: (member.added_at, member.user_id), total=count)
