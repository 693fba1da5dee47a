"""GET and POST /mcps/{id}/test: connect to an MCP server, and show its tools or why it does not respond."""

from app.api.mcps.get import McpDetail, get_mcp
from app.api.mcps.test import McpTestResult, test_mcp
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit


@Page("GET", "/mcps/{mcp_id}/test", access="mcps:write")
async def mcp_test_page(visit: Visit, mcp_id: str) -> PageResponse:
    mcp = await visit.read(get_mcp, McpDetail, mcp_id=mcp_id)
    return await visit.page("mcps/test.html", mcp=mcp, result=None)


@Page("POST", "/mcps/{mcp_id}/test", access="mcps:write")
async def mcp_test_form(visit: Visit, mcp_id: str) -> PageResponse:
    called = await visit.change(test_mcp, McpTestResult, {}, mcp_id=mcp_id)
    mcp = await visit.read(get_mcp, McpDetail, mcp_id=mcp_id)
    return await visit.page("mcps/test.html", mcp=mcp, result=called.data)
