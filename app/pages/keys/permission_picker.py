"""Fragments that scripts request while the permission picker is filled in. Without scripts, the form shows the same.

The form is sent with POST, because the selection of two hundred servers does not fit into an address.
"""

from app.api.mcps.get import McpDetail, get_mcp
from app.api.mcps.list import BriefTool
from app.pages.fields import Fields
from app.pages.keys.key_form import environment_of
from app.pages.keys.permission_form import grantable_by, permissions_in, picker, server_in
from app.pages.keys.permission_text import permission_text
from app.pages.keys.servers import named_servers, names_of, servers_with_tools
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit


@Page("POST", "/keys/permissions/preview", access="keys:write")
async def permission_preview(visit: Visit) -> PageResponse:
    """Return the sentence for the permissions in the form."""
    servers = await named_servers(visit)
    permissions = permissions_in(visit.fields, servers, grantable_by(visit))
    text = permission_text(permissions, names_of(servers), environment_of(visit.fields))
    return visit.fragment("keys/permission_sentence.html", permission_text=text)


@Page("POST", "/keys/permissions/servers", access="keys:write")
async def found_servers(visit: Visit) -> PageResponse:
    """Return the servers that match the search in the form, and those that the form gives access to."""
    found = picker(visit.fields, await servers_with_tools(visit))
    return visit.fragment("keys/picker_found.html", picker=found, errors={}, form_path="")


@Page("GET", "/keys/permissions/tools/{mcp_id}", access="keys:write")
async def server_tools(visit: Visit, mcp_id: str) -> PageResponse:
    """Return the tools of a server to choose from."""
    server = await visit.read(get_mcp, McpDetail, mcp_id=mcp_id)
    tools = [BriefTool(tool.name, tool.description) for tool in server.tools]
    return visit.fragment("keys/server_tools.html", server=server_in(Fields(), server, tools), form_path="")
