"""GET /v1/organization/members: list the members of the organization in the order in which they joined."""

from litestar import get
from msgspec import Struct

from app.api.organization.members.schemas import member_shape
from app.handlers import HttpRequest, HttpResponse, get_services, parse_query
from app.http.pagination import PER_PAGE_DEFAULT, PageNumber, PerPage
from app.pagination import Page
from domain.members.events import Role
from projections.read_models.members.list.queries import Filters, page, page_after, total


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    role: Role | None = None
    page: PageNumber | None = None
    cursor: str | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


@get("/v1/organization/members", access="members:read")
async def list_members(request: HttpRequest) -> HttpResponse:
    query = parse_query(request, Query)
    services = get_services(request)
    filters = Filters(request.auth.organization_id, query.role)
    at = Page(request, query, f"members {filters}")
    async with services.read_transaction(filters.organization_id) as connection:
        if at.after is None:
            found = await page(connection, filters, at.limit, at.offset)
        else:
            found = await page_after(connection, filters, *at.after, at.limit)
        count = await total(connection, filters)
    return at.respond(found, member_shape, lambda member: (member.added_at, member.user_id), total=count)
