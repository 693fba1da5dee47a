"""Refusals of MCP commands. The first line of each docstring is the message."""

from domain.refusal import LimitReached, NotFound, Refusal


class McpNotFound(NotFound):
    """There is no such MCP."""


class McpInactive(Refusal):
    """The MCP is inactive: no key reaches it until it is activated again."""

    code = "mcp_not_permitted"


class McpLimitReached(LimitReached):
    """The plan's limit of MCPs is reached. Delete an MCP you no longer need, or change the plan."""

    code = "mcp_limit_reached"
