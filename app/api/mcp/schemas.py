"""Parts that calls to MCP servers share."""

from typing import Annotated

from msgspec import Meta

from app.api.schemas import id_pattern

McpToCall = Annotated[
    str, Meta(description="The id of the MCP server.", extra_json_schema={"pattern": id_pattern("mcp")})
]

CALL_ERRORS = (
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
