"""GET and POST /mcps/{id}/delete: delete an MCP server, after the page has shown how many keys lose it."""

from app.api.mcps.delete import DeletedMcp, delete_mcp
from app.api.mcps.get import McpDetail, get_mcp
from app.pages.forms.confirmation import Action, confirmation_page, not_typed, perform
from app.pages.mcps.get import Reach, keys_reaching
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from app.pages.wording.text import number, plural


@Page("GET", "/mcps/{mcp_id}/delete", access="mcps:write")
async def mcp_delete_page(visit: Visit, mcp_id: str) -> PageResponse:
    return await confirmation_page(visit, await _action(visit, mcp_id))


@Page("POST", "/mcps/{mcp_id}/delete", access="mcps:write")
async def mcp_delete_form(visit: Visit, mcp_id: str) -> PageResponse:
    action = await _action(visit, mcp_id)
    mistyped = not_typed(visit, action)
    if mistyped is not None:
        return await confirmation_page(visit, action, mistyped)
    change = visit.change(delete_mcp, DeletedMcp, revision=visit.fields.one("revision"), mcp_id=mcp_id)
    refused = await perform(visit, change, lambda: _action(visit, mcp_id), mcp_id)
    return refused or visit.go_to("/mcps", "mcp_deleted", has_removed=True)


async def _action(visit: Visit, mcp_id: str) -> Action:
    mcp = await visit.read(get_mcp, McpDetail, mcp_id=mcp_id)
    reach = await keys_reaching(visit, mcp_id)
    return Action(
        title=f"Delete “{mcp.name}”?",
        path=f"/mcps/{mcp.id}/delete",
        crumbs=[("MCP servers", "/mcps"), (mcp.name, f"/mcps/{mcp.id}")],
        consequences=[
            _losses(reach),
            "Its credential is erased. Its history stays in the audit log. A deleted server can't be restored.",
        ],
        link=("See these keys", f"/keys?mcp_id={mcp.id}&status=active") if reach and reach.total else None,
        button="Delete server",
        revision=mcp.revision,
        is_danger=True,
        typed=mcp.name,
    )


def _losses(reach: Reach | None) -> str:
    """Return how many active keys lose the server."""
    if reach is None or not reach.total:
        return "No active key can reach this server."
    named = f"{plural(reach.named, 'active key')} {'names' if reach.named == 1 else 'name'} this server"
    through = f"{{}} {'reaches' if reach.all_mcps == 1 else 'reach'} it through “All MCP servers”"
    refused = "Calls to it will be refused."
    if not reach.all_mcps:
        return f"{named}. {refused}"
    if not reach.named:
        return f"{through.format(plural(reach.all_mcps, 'active key'))}. {refused}"
    return f"{named}, and {through.format(number(reach.all_mcps))}. {refused}"
