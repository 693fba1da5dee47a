"""GET /v1/mcps: list the MCPs of the organization that are not deleted, newest first."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from app.api.mcps.schemas import MCP_EXAMPLE, Mcp, to_mcp
from app.handlers import HttpRequest, ListResponse, get_services
from app.http.pagination import PER_PAGE_DEFAULT, Cursor, PageNumber, PerPage
from app.pagination import Page
from app.route import Route
from gateway.catalogue import read_catalogue
from projections.read_models.mcps.health.queries import health_of, tools_of_all
from projections.read_models.mcps.list.queries import Filters, page, page_after, total
from projections.read_models.usage.queries import mcp_usage_of


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    status: Annotated[Literal["active", "inactive", "all"], Meta(description="Whether keys can reach the server.")] = (
        "all"
    )
    health: (
        Annotated[Literal["healthy", "unhealthy", "unknown"], Meta(description="The result of the last call or test.")]
        | None
    ) = None
    include: Annotated[Literal["tools"], Meta(description="Return the tools of each server too.")] | None = None
    page: PageNumber | None = None
    cursor: Cursor | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


class BriefTool(Struct, frozen=True):
    """A tool that the last test found."""

    name: str
    description: str


class ListedMcp(Mcp, frozen=True, kw_only=True):
    """An MCP server in a list."""

    tools: (
        Annotated[
            list[BriefTool],
            Meta(description="Empty until a test has listed the tools. Only with `include=tools`."),
        ]
        | UnsetType
    ) = UNSET


@Route(
    "GET",
    "/v1/mcps",
    access="mcps:read",
    tag="MCP servers",
    summary="List MCP servers",
    description="Newest first.",
    example=ListedMcp(**structs.asdict(MCP_EXAMPLE), tools=[BriefTool("get_page", "A page by its title")]),
)
async def list_mcps(request: HttpRequest, query: Query) -> ListResponse[ListedMcp]:
    services = get_services(request)
    status = None if query.status == "all" else query.status
    filters = Filters(request.auth.organization_id, status, query.health)
    requested = Page(request, query, f"mcps {filters}")
    async with services.read_transaction(filters.organization_id) as connection:
        if requested.after is None:
            found = await page(connection, filters, requested.limit, requested.offset)
        else:
            found = await page_after(connection, filters, *requested.after, requested.limit)
        count = await total(connection, filters)
        ids = [mcp.mcp_id for mcp in requested.rows(found)]
        usage = await mcp_usage_of(connection, ids)
        health = await health_of(connection, ids)
        known = {} if query.include is None else await tools_of_all(connection, ids)

    def tools_of(mcp_id: str) -> list[BriefTool] | UnsetType:
        if query.include is None:
            return UNSET
        tools = read_catalogue(known[mcp_id].tools) if mcp_id in known else []
        return [BriefTool(tool.name, tool.description) for tool in tools]

    return requested.respond(
        found,
        lambda mcp: ListedMcp(
            **structs.asdict(to_mcp(mcp, usage[mcp.mcp_id], health[mcp.mcp_id])), tools=tools_of(mcp.mcp_id)
        ),
        lambda mcp: (mcp.created_at, mcp.mcp_id),
        total=count,
    )
