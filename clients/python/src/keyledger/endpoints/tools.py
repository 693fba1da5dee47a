"""Tools and resources of MCP servers, called with a permitted key, and the list of what a key reaches."""

from collections.abc import Mapping

from keyledger.call import Call, Repeat, data_of, json_body, list_of, set_fields
from keyledger.models.mcps import Invocation, ReachableServer, Resource

_INVOKE = "/v1/mcp/invoke"
_RESOURCES = "/v1/mcp/resources"
_SERVERS = "/v1/mcp/servers"
TIMEOUT_MS = 30_000
_MARGIN_SECONDS = 10.0

_invocation = data_of(Invocation)
_resource = data_of(Resource)
_servers = list_of(ReachableServer)


def invoke_tool(
    mcp_id: str, tool: str, arguments: Mapping[str, object] | None = None, *, timeout_ms: int = TIMEOUT_MS
) -> Call[Invocation]:
    """Call a tool. `timeout_ms` (100 to 120,000) is the time for the MCP server.

    The call is retried only if the tool was not called. A lost response raises `Unreachable` with `may_have_happened`.
    """
    body = json_body(**set_fields(mcp_id=mcp_id, tool=tool, arguments=dict(arguments or {}), timeout=timeout_ms))
    seconds = timeout_ms / 1000 + _MARGIN_SECONDS
    return Call("POST", _INVOKE, _invocation, body=body, repeat=Repeat.WHEN_REFUSED, timeout_seconds=seconds)


def read_resource(mcp_id: str, uri: str) -> Call[Resource]:
    """Read a resource. As with `invoke`, the call is retried only if the server was not called."""
    seconds = TIMEOUT_MS / 1000 + _MARGIN_SECONDS
    body = json_body(mcp_id=mcp_id, uri=uri)
    return Call("POST", _RESOURCES, _resource, body=body, repeat=Repeat.WHEN_REFUSED, timeout_seconds=seconds)


def list_servers() -> Call[tuple[ReachableServer, ...]]:
    """List the MCP servers and tools that the client's own key reaches. The key needs no grant."""
    return Call("GET", _SERVERS, _servers)
