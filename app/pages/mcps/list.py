"""GET /mcps: the MCP servers of the organization, with filters and paging."""

from asyncio import gather
from typing import Literal

import msgspec
from msgspec import Struct

from app.api.mcps.list import list_mcps
from app.api.mcps.schemas import Mcp
from app.api.organization.get import get_organization
from app.api.organization.schemas import Organization
from app.pages.page import Page
from app.pages.parts.filtered_lists import filter_bar, list_page
from app.pages.query import page_query
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from app.pages.wording.words import MCP_HEALTHS, MCP_STATUSES

_PATH = "/mcps"
PER_PAGE = 50


class Query(Struct, frozen=True, omit_defaults=True):
    """The filters of the page, which are parameters of `GET /v1/mcps`; an empty text filters nothing."""

    status: Literal["", "active", "inactive"] = ""
    health: Literal["", "healthy", "unhealthy", "unknown"] = ""
    cursor: str = ""


@Page("GET", _PATH, access="mcps:read")
async def mcp_list_page(visit: Visit) -> PageResponse:
    query = page_query(visit.request, Query)
    given = {name: value for name, value in msgspec.to_builtins(query).items() if value}
    listed, organization = await gather(
        visit.read_list(list_mcps, Mcp, {**given, "per_page": PER_PAGE}),
        visit.read(get_organization, Organization),
    )
    texts = {
        "status": f"Status: {MCP_STATUSES.get(query.status, '')}",
        "health": f"Health: {MCP_HEALTHS.get(query.health, '')}",
    }
    bar = filter_bar(_PATH, query, texts, listed, ("server", "servers"))
    return await list_page(visit, "mcps/list.html", bar, query=query, mcps=listed.data, organization=organization)
