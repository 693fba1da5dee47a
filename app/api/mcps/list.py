"""GET /v1/mcps: list the active and inactive MCPs of the organization, newest first."""

from typing import Literal

from litestar import get
from msgspec import Struct

from app.api.mcps.schemas import mcp_shape
from app.handlers import HttpRequest, HttpResponse, get_services, parse_query
from app.http.pagination import PER_PAGE_DEFAULT, PageNumber, PerPage
from app.pagination import Page
from projections.read_models.mcps.health.queries import health_of
from projections.read_models.mcps.list.queries import Filters, page, page_after, total
from projections.read_models.usage.queries import mcp_usage_of


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    status: Literal["active", "inactive", "all"] = "all"
    health: Literal["healthy", "unhealthy", "unknown"] | None = None
    page: PageNumber | None = None
    cursor: str | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


@get("/v1/mcps", access="mcps:read")
async def list_mcps(request: HttpRequest) -> HttpResponse:
    query = parse_query(request, Query)
    services = get_services(request)
    status = None if query.status == "all" else query.status
    filters = Filters(request.auth.organization_id, status, query.health)
    at = Page(request, query, f"mcps {filters}")
    async with services.read_transaction(filters.organization_id) as connection:
        if at.after is None:
            found = await page(connection, filters, at.limit, at.offset)
        else:
            found = await page_after(connection, filters, *at.after, at.limit)
        count = await total(connection, filters)
        ids = [mcp.mcp_id for mcp in at.rows(found)]
        usage = await mcp_usage_of(connection, ids)
        health = await health_of(connection, ids)
    return at.respond(
        found,
        lambda mcp: mcp_shape(mcp, usage[mcp.mcp_id], health[mcp.mcp_id]),
        lambda mcp: (mcp.created_at, mcp.mcp_id),
        total=count,
    )
