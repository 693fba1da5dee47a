"""Explanations of refused calls: an unknown tool, or invalid arguments.

Servers report both in many forms, some of them as a failed result. The server's text is compared with the stored
catalogue. No request is sent to the server: it would delay the caller and count as the server's latency.
"""

import re
from typing import Any

from gateway.argument_errors import argument_errors
from gateway.catalogue import Catalogue
from gateway.errors import GatewayError, InvalidArguments, ToolNotFound
from gateway.wire.messages import INVALID_PARAMS, RpcError

_UNKNOWN = re.compile(r"unknown tool|no such tool|tool.{0,200}(not found|does not exist|not exist)", re.IGNORECASE)
_INVALID = re.compile(r"(invalid|missing) (arguments|parameters|params)|validation error", re.IGNORECASE)
# The responses of the two official SDKs to invalid arguments.
_REFUSED_BY_SDK = r"Input validation error|MCP error -32602|[^\n]{0,300}validation errors? for %sArguments\b"


async def explained_refusal(
    refused: RpcError, message: str, catalogue: Catalogue | None, tool: str, arguments: dict[str, Any]
) -> GatewayError | None:
    """Explain a JSON-RPC error about the method or its parameters; None if it is about neither.

    MCP uses the same code for an unknown tool and for invalid arguments.
    """
    unknown = _UNKNOWN.search(refused.message) is not None
    if catalogue is not None and tool in catalogue:
        fields = await argument_errors(catalogue.schemas[tool], arguments)
        if fields:
            return InvalidArguments(message, fields=fields)
    elif catalogue is not None and not _INVALID.search(refused.message):
        return ToolNotFound(message)
    if unknown:
        return ToolNotFound(message)
    return InvalidArguments(message) if refused.code == INVALID_PARAMS else None


async def explained_result(
    words: str, shown: str, catalogue: Catalogue | None, tool: str, arguments: dict[str, Any]
) -> GatewayError | None:
    """Explain a failed result that only reports an unknown tool or invalid arguments.

    Return None for any other result: the tool ran, and its result is the response.
    """
    message = f"It said: {shown}"
    unknown = _UNKNOWN.search(words) is not None
    if catalogue is None:
        if unknown and tool in words:
            return ToolNotFound(message)
        refused = re.match(_REFUSED_BY_SDK % re.escape(tool), words, re.IGNORECASE) is not None
        return InvalidArguments(message) if refused else None
    if tool not in catalogue:
        return ToolNotFound(message) if unknown else None
    fields = await argument_errors(catalogue.schemas[tool], arguments)
    return InvalidArguments(message, fields=fields) if fields else None
