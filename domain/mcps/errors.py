"""Refusals of MCP commands. The first line of each docstring is the message."""

from domain.refusal import LimitReached, NotFound, Refusal


class McpNotFound(NotFound):
    """MCP server not found."""


class McpInactive(Refusal):
    """This MCP server is inactive. Set its status to active before you call it."""

    code = "mcp_not_permitted"


class McpLimitReached(LimitReached):
    """The plan does not allow more MCP servers. Delete a server, or change the plan."""

    code = "mcp_limit_reached"
