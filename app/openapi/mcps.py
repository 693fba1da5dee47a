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
_MCP_ID = {"description": "The id of the MCP server.", "pattern": "^mcp_[0-7][0-9a-hjkmnp-tv-z]{25}$"}
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
_URL = {"description": "The URL of the server: https, without credentials.", "maxLength": 2000}
_CREDENTIAL = {
    "auth_type": {"description": "The authentication to the server. Default: `none`."},
    "auth_token": {"description": "For `bearer`, `api_key` and `query`. Stored encrypted, and never returned."},
    "auth_header": {"description": "For `api_key`: the header for the token. Default: `X-API-Key`."},
    "auth_parameter": {
        "description": "For `query`: the query parameter for the token, such as `apiKey`. It is added to the URL "
        "only when the server is called, and is part of no URL that is stored or returned."
    },
    "auth_username": {"description": "For `basic`."},
    "auth_password": {"description": "For `basic`. Stored encrypted, and never returned."},
}

OPERATIONS: list[Operation] = [
    routed(
        register.register_mcp,
        tag=_TAG,
        summary="Register an MCP server",
        description="The credential is encrypted immediately and never returned.",
        body=Body(
            register.Body,
            {
                "name": fields.NAME,
                "description": fields.DESCRIPTION,
                "endpoint_url": _URL,
                "environment": {"description": "Live or test. Default: the environment of the caller's key."},
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
            "status": {"description": "Whether keys can reach the server."},
            "health": {"description": "The result of the last call or test."},
        },
        answer=Answer(mcps.Mcp, examples.MCP, paging="pages"),
    ),
    routed(
        mcp_detail,
        tag=_TAG,
        summary="Get an MCP server",
        description="The response includes usage figures and the tools that the last test found.",
        answer=Answer(mcps.McpDetail, examples.MCP_DETAIL),
        revised=True,
    ),
    routed(
        change_details.change_mcp,
        tag=_TAG,
        summary="Update an MCP server",
        description="Omitted fields stay unchanged, including the credential, which is never sent to another host "
        "than the one it was set for. `inactive` blocks all keys once this response is sent.",
        body=Body(
            change_details.Body,
            {
                "name": fields.NAME,
                "description": fields.DESCRIPTION,
                "endpoint_url": _URL,
                "environment": {"description": "Live or test."},
                "status": {"description": "Whether keys can reach the server."},
                **_CREDENTIAL,
                "auth_type": {"description": "The authentication to the server."},
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
        description="No key reaches the server once this response is sent. Its history stays in the log.",
        answer=Answer(mcps.DeletedMcp, {"deleted": True, "mcp_id": examples.MCP_ID}),
        revised=True,
        conditional=True,
    ),
    routed(
        probe.test_mcp,
        tag=_TAG,
        summary="Test an MCP server",
        description="Connect to the server and list its tools. The status is 200 even if the server does not "
        "respond: `reachable` is then false, and `code` and `problem` give the reason. Malformed tools "
        "are left out and named in `problem`.",
        body=Body(
            probe.Body,
            {"timeout": {"description": "Milliseconds to wait for the server. Default: 10000."}},
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
        description="The call is recorded before the server is called, and again with its outcome. A tool that "
        "reports a failure is a success of this request: its `result` has `isError`. Under an "
        "`Idempotency-Key` the server is called once, whatever its response; `conflict` means that the "
        "outcome of the first call is unknown.",
        body=Body(
            invoke.Body,
            {
                "mcp_id": _MCP_ID,
                "tool": {"description": "The name of the tool."},
                "arguments": {"description": "Arguments of the tool, according to its input schema."},
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
        description="Recorded like a call. The URI is not recorded.",
        body=Body(
            resources.Body,
            {
                "mcp_id": _MCP_ID,
                "uri": {
                    "description": "A URI in ASCII, as listed by the server.",
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
        summary="List reachable MCP servers and tools",
        description="The MCP servers and tools that the calling key may use, according to the rules for calls. No "
        "grant is required. The tools are those that the last test of each server found.",
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
