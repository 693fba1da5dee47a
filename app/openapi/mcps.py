"""OpenAPI operations on MCP servers, and on calls to them."""

from app.api.mcp import invoke, resources, servers
from app.api.mcps import create as register
from app.api.mcps import list as listing
from app.api.mcps import test as probe
from app.api.mcps import update as change_details
from app.api.mcps.delete import delete_mcp
from app.api.mcps.get import mcp_detail
from app.openapi import examples, fields
from app.openapi.operation import Answer, Body, Operation, direct, routed
from app.openapi.shapes import mcps

_TAG = "MCP servers"
_CALLS = "Calls"
_MCP_ID = {"description": "Which MCP server.", "pattern": "^mcp_[0-7][0-9a-hjkmnp-tv-z]{25}$"}
_CALL_ERRORS = (
    "mcp_not_permitted",
    "tool_not_permitted",
    "environment_mismatch",
    "not_found",
    "conflict",
    "invalid_arguments",
    "mcp_error",
    "mcp_unreachable",
    "mcp_timeout",
)
_URL = {"description": "Where the server is: an https address without credentials.", "maxLength": 2000}
_CREDENTIAL = {
    "auth_type": {"description": "How Keyledger authenticates to the server. Without it: `none`."},
    "auth_token": {"description": "For `bearer`, `api_key` and `query`. Stored sealed, and never shown again."},
    "auth_header": {"description": "For `api_key`: the header that takes the token. Without it: `X-API-Key`."},
    "auth_parameter": {
        "description": "For `query`: the parameter that takes the token, such as `apiKey`. It is added to the URL when "
        "the server is asked, and is in no URL that is stored or shown."
    },
    "auth_username": {"description": "For `basic`."},
    "auth_password": {"description": "For `basic`. Stored sealed, and never shown again."},
}

OPERATIONS: list[Operation] = [
    routed(
        register.register_mcp,
        tag=_TAG,
        summary="Register an MCP server",
        description="Its credential is sealed at once and never shown again.",
        body=Body(
            register.Body,
            {
                "name": fields.NAME,
                "description": fields.DESCRIPTION,
                "endpoint_url": _URL,
                "environment": {"description": "Live or test. Without it, that of the caller's key."},
                **_CREDENTIAL,
            },
            {
                "name": "Wiki",
                "endpoint_url": "https://mcp.example.com/mcp",
                "auth_type": "bearer",
                "auth_token": "the server's own token",
            },
        ),
        answer=Answer(mcps.Mcp, {**examples.MCP, "health": "unknown", "last_active": None, "request_count": 0}),
        errors=("mcp_limit_reached",),
        revised=True,
        repeatable=True,
    ),
    routed(
        listing.list_mcps,
        tag=_TAG,
        summary="List MCP servers",
        description="Newest first.",
        query=listing.Query,
        query_fields={
            "status": {"description": "Whether keys reach it."},
            "health": {"description": "What the last call or test found."},
        },
        answer=Answer(mcps.Mcp, examples.MCP, paging="pages"),
    ),
    routed(
        mcp_detail,
        tag=_TAG,
        summary="Show an MCP server",
        description="With its figures, and the tools that the last test found.",
        answer=Answer(mcps.McpDetail, examples.MCP_DETAIL),
        revised=True,
    ),
    routed(
        change_details.change_mcp,
        tag=_TAG,
        summary="Change an MCP server",
        description="What is left out stays as it is, the credential too; but that goes to no other host than it was "
        "given for. `inactive` closes the server to every key from this answer on.",
        body=Body(
            change_details.Body,
            {
                "name": fields.NAME,
                "description": fields.DESCRIPTION,
                "endpoint_url": _URL,
                "environment": {"description": "Live or test."},
                "status": {"description": "Whether keys reach it."},
                **_CREDENTIAL,
                "auth_type": {"description": "How Keyledger authenticates to the server."},
            },
            {"status": "inactive"},
        ),
        answer=Answer(mcps.Mcp, {**examples.MCP, "status": "inactive"}),
        revised=True,
        conditional=True,
    ),
    routed(
        delete_mcp,
        tag=_TAG,
        summary="Delete an MCP server",
        description="No key reaches it from this answer on. What happened with it stays in the log.",
        answer=Answer(mcps.DeletedMcp, {"deleted": True, "mcp_id": examples.MCP_ID}),
        revised=True,
        conditional=True,
    ),
    routed(
        probe.test_mcp,
        tag=_TAG,
        summary="Test an MCP server",
        description="Asks the server what it offers. 200 also when it does not answer: `reachable` says so, and `code` "
        "and `problem` say why. Tools that are malformed are left out, and `problem` names them.",
        body=Body(
            probe.Body,
            {"timeout": {"description": "Milliseconds to wait for the server. Without it: 10000."}},
            {"timeout": 5000},
        ),
        answer=Answer(
            probe.McpTestResult,
            {
                "reachable": True,
                "latency_ms": 42,
                "protocol_version": "2025-11-25",
                "tools_count": 3,
                "resources_count": 1,
                "code": None,
                "problem": None,
            },
        ),
        errors=("conflict",),
        repeatable=True,
    ),
    direct(
        "POST",
        "/v1/mcp/invoke",
        invoke.invoke_tool,
        "any key",
        tag=_CALLS,
        summary="Call a tool",
        description="Recorded before the server is asked, and again with its outcome. A tool that says it failed is a "
        "success here: its `result` has `isError`. Under an `Idempotency-Key` the server is asked once, whatever it "
        "answered; `conflict` says that nobody knows what came of the first call.",
        body=Body(
            invoke.Body,
            {
                "mcp_id": _MCP_ID,
                "tool": {"description": "The name of the tool."},
                "arguments": {"description": "What the tool takes, after its input schema."},
                "timeout": {"description": "Milliseconds to wait for the server."},
            },
            {"mcp_id": examples.MCP_ID, "tool": "get_page", "arguments": {"title": "Home"}},
        ),
        answer=Answer(
            mcps.ToolCall,
            {
                "result": {"content": [{"type": "text", "text": "Welcome"}], "isError": False},
                "metadata": {
                    "mcp_id": examples.MCP_ID,
                    "tool": "get_page",
                    "latency_ms": 42,
                    "timestamp": examples.LATER,
                },
            },
        ),
        repeatable=True,
        errors=_CALL_ERRORS,
    ),
    direct(
        "POST",
        "/v1/mcp/resources",
        resources.read_resource,
        "any key",
        tag=_CALLS,
        summary="Read a resource",
        description="Recorded like a call. What the URI is, is not recorded.",
        body=Body(
            resources.Body,
            {
                "mcp_id": _MCP_ID,
                "uri": {
                    "description": "A URI in ASCII, as the server lists it.",
                    "pattern": f"^{resources.URI.pattern}$",
                },
            },
            {"mcp_id": examples.MCP_ID, "uri": "wiki://home"},
        ),
        answer=Answer(
            mcps.ResourceContents,
            {"contents": [{"uri": "wiki://home", "mimeType": "text/plain", "text": "Welcome"}]},
        ),
        repeatable=True,
        errors=_CALL_ERRORS,
    ),
    direct(
        "GET",
        "/v1/mcp/servers",
        servers.list_servers,
        "any key",
        tag=_CALLS,
        summary="List what the key reaches",
        description="The MCP servers and tools that the calling key may use, by the rules that calls follow. The key "
        "needs no grant. The tools are those that the last test of each server found.",
        answer=Answer(
            list[servers.ReachableServer],
            [
                {
                    "id": examples.MCP_ID,
                    "name": "Wiki",
                    "health": "healthy",
                    "tools": [{"name": "get_page", "description": "Return a page."}],
                }
            ],
        ),
    ),
]
