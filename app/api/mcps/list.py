"""GET /v1/mcps: the MCPs of the organization, newest first; active and inactive ones, unless one is asked for."""

from datetime import datetime
from typing import Literal

from litestar import get
from msgspec import Struct, structs

from app.api.mcps.schemas import mcp_shape
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
from projections.read_models.mcps.health.queries import health_of
from projections.read_models.mcps.list.queries import Filters, page, page_after, total
from projections.read_models.usage.queries import mcp_usage_of


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    status: Literal["active", "inactive", "all"] = "all"
    health: Literal["healthy", "unhealthy", "unknown"] | None = None
    page: PageNumber | None = None
    cursor: str | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


@get("/v1/mcps", grant="mcps:read")
async def list_mcps(request: HttpRequest) -> HttpResponse:
    query = parse_query(request, Query)
    services = get_services(request)
    status = None if query.status == "all" else query.status
    filters = Filters(request.auth.organization_id, status, query.health)
    purpose = f"mcps {filters}"
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
        ids = [mcp.mcp_id for mcp in shown]
        usage = await mcp_usage_of(connection, ids)
        health = await health_of(connection, ids)
    cursor = None
    if len(found) > query.per_page:
        cursor = services.cursors.encode(
            CursorPosition(shown[-1].created_at.isoformat(), shown[-1].mcp_id), purpose=purpose
        )
    return success(
        [mcp_shape(mcp, usage[mcp.mcp_id], health[mcp.mcp_id]) for mcp in shown],
        headers=next_link(raw_request(request), services.config.public_url, structs.asdict(query), cursor),
        pagination=pagination(page=None if last else number, per_page=query.per_page, total=count, next_cursor=cursor),
    )
