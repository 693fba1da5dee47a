"""GET /v1/organization/members: the people of the organization, in the order in which they came."""

from datetime import datetime

from litestar import get
from msgspec import Struct, structs

from app.api.organization.members.shape import member_shape
from app.api.paging import PER_PAGE_DEFAULT, PageNumber, PerPage, Position, link_next, opened, pagination
from app.requests import HttpRequest, HttpResponse, inbound_of, query_of, services_of, success
from domain.members.events import Role
from projections.member_list.queries import Filters, page, page_after, total


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    role: Role | None = None
    page: PageNumber | None = None
    cursor: str | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


@get("/v1/organization/members", grant="members:read")
async def list_members(request: HttpRequest) -> HttpResponse:
    query = query_of(request, Query)
    services = services_of(request)
    filters = Filters(request.auth.organization_id, query.role)
    purpose = f"members {filters}"
    last = opened(services.cursors, query.cursor, query.page, purpose)
    number = query.page or 1
    limit = query.per_page + 1
    async with services.reading(filters.organization_id) as connection:
        if last is None:
            found = await page(connection, filters, limit, (number - 1) * query.per_page)
        else:
            found = await page_after(connection, filters, datetime.fromisoformat(last.value), last.id, limit)
        count = await total(connection, filters)
    shown = found[: query.per_page]
    cursor = None
    if len(found) > query.per_page:
        cursor = services.cursors.encode(Position(shown[-1].added_at.isoformat(), shown[-1].user_id), purpose=purpose)
    return success(
        [member_shape(member) for member in shown],
        headers=link_next(inbound_of(request), services.config.public_url, structs.asdict(query), cursor),
        pagination=pagination(page=None if last else number, per_page=query.per_page, total=count, next_cursor=cursor),
    )
