"""GET and POST /mcps/{id}/deactivate and /activate: stop all calls to an MCP server, and allow them again."""

from typing import Literal

from app.api.mcps.get import McpDetail, get_mcp
from app.api.mcps.schemas import Mcp
from app.api.mcps.update import update_mcp
from app.pages.forms.confirmation import Action, confirmation_page, perform
from app.pages.mcps.get import keys_reaching
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from app.pages.wording.text import plural

Verb = Literal["activate", "deactivate"]


@Page("GET", "/mcps/{mcp_id}/deactivate", access="mcps:write")
async def mcp_deactivate_page(visit: Visit, mcp_id: str) -> PageResponse:
    return await confirmation_page(visit, await _action(visit, mcp_id, "deactivate"))


@Page("POST", "/mcps/{mcp_id}/deactivate", access="mcps:write")
async def mcp_deactivate_form(visit: Visit, mcp_id: str) -> PageResponse:
    return await _change(visit, mcp_id, "deactivate")


@Page("GET", "/mcps/{mcp_id}/activate", access="mcps:write")
async def mcp_activate_page(visit: Visit, mcp_id: str) -> PageResponse:
    return await confirmation_page(visit, await _action(visit, mcp_id, "activate"))


@Page("POST", "/mcps/{mcp_id}/activate", access="mcps:write")
async def mcp_activate_form(visit: Visit, mcp_id: str) -> PageResponse:
    return await _change(visit, mcp_id, "activate")


async def _action(visit: Visit, mcp_id: str, verb: Verb) -> Action:
    mcp = await visit.read(get_mcp, McpDetail, mcp_id=mcp_id)
    reach = await keys_reaching(visit, mcp_id)
    keys = plural(reach.total if reach else 0, "active key")
    stops = verb == "deactivate"
    consequences = (
        [
            f"{keys} can reach this server. Calls to it are refused from the moment you deactivate it.",
            "The keys stay as they are, and so does the server's credential. You can activate the server again.",
        ]
        if stops
        else [f"{keys} can call this server from the moment you activate it."]
    )
    return Action(
        title=f"{'Deactivate' if stops else 'Activate'} “{mcp.name}”?",
        path=f"/mcps/{mcp.id}/{verb}",
        crumbs=[("MCP servers", "/mcps"), (mcp.name, f"/mcps/{mcp.id}")],
        consequences=consequences,
        link=("See these keys", f"/keys?mcp_id={mcp.id}&status=active"),
        button="Deactivate server" if stops else "Activate server",
        revision=mcp.revision,
        is_danger=stops,
    )


async def _change(visit: Visit, mcp_id: str, verb: Verb) -> PageResponse:
    body = {"status": "inactive" if verb == "deactivate" else "active"}
    change = visit.change(update_mcp, Mcp, body, visit.fields.one("revision"), mcp_id=mcp_id)
    refused = await perform(visit, change, lambda: _action(visit, mcp_id, verb), mcp_id)
    return refused or visit.go_to(f"/mcps/{mcp_id}", "mcp_deactivated" if verb == "deactivate" else "mcp_activated")
