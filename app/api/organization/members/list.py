"""GET /v1/organization/members: the people of the organization, in the order in which they came."""

from datetime import datetime

from litestar import get
from msgspec import Struct, structs

from app.api.organization.members.schemas import member_shape
from app.handlers import HttpRequest, HttpResponse, get_services, parse_query, raw_request, success
from app.http.pagination import (
    PER_PAGE_DEFAULT,
    CursorPosition,
    PageNumber,
    PerPage,
    decode_cursor,
    next_link,
    pagination,
)
from domain.members.events import Role
from projections.read_models.members.list.queries import Filters, page, page_after, total


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    role: Role | None = None
    page: PageNumber | None = None
    cursor: str | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


@get("/v1/organization/members", grant="members:read")
async def list_members(request: HttpRequest) -> HttpResponse:
    query = parse_query(request, Query)
    services = get_services(request)
    filters = Filters(request.auth.organization_id, query.role)
    purpose = f"members {filters}"
    last = decode_cursor(services.cursors, query.cursor, query.page, purpose)
    number = query.page or 1
    limit = query.per_page + 1
    async with services.read_transaction(filters.organization_id) as connection:
        if last is None:
            found = await page(connection, filters, limit, (number - 1) * query.per_page)
        else:
            found = await page_after(connection, filters, datetime.fromisoformat(last.value), last.id, limit)
        count = await total(connection, filters)
    shown = found[: query.per_page]
    cursor = None
    if len(found) > query.per_page:
        cursor = services.cursors.encode(
            CursorPosition(shown[-1].added_at.isoformat(), shown[-1].user_id), purpose=purpose
        )
    return success(
        [member_shape(member) for member in shown],
        headers=next_link(raw_request(request), services.config.public_url, structs.asdict(query), cursor),
        pagination=pagination(page=None if last else number, per_page=query.per_page, total=count, next_cursor=cursor),
    )
