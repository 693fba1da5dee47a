"""Why a call was refused: an unknown tool, or arguments that do not fit.

Servers say both in many ways, some of them as a failed result. Their words are held against the stored catalogue.
Nothing here asks the server: that would take the caller's time, and count as the server's.
"""

import re
from typing import Any

from gateway.argument_errors import misfits
from gateway.catalogue import Catalogue
from gateway.errors import GatewayError, InvalidArguments, ToolNotFound
from gateway.wire.messages import INVALID_PARAMS, RpcError

_UNKNOWN = re.compile(r"unknown tool|no such tool|tool.{0,200}(not found|does not exist|not exist)", re.IGNORECASE)
_INVALID = re.compile(r"(invalid|missing) (arguments|parameters|params)|validation error", re.IGNORECASE)
# The answers of the two official SDKs to arguments that do not fit.
_REFUSED_BY_SDK = r"Input validation error|MCP error -32602|[^\n]{0,300}validation errors? for %sArguments\b"


async def explained_refusal(
    refused: RpcError, said: str, catalogue: Catalogue | None, tool: str, arguments: dict[str, Any]
) -> GatewayError | None:
    """Explain a JSON-RPC error about the method or its parameters; None where it is about neither.

    MCP gives an unknown tool and wrong arguments the same code.
    """
    unknown = _UNKNOWN.search(refused.message) is not None
    if catalogue is not None and tool in catalogue:
        fields = await misfits(catalogue.schemas[tool], arguments)
        if fields:
            return InvalidArguments(said, fields=fields)
    elif catalogue is not None and not _INVALID.search(refused.message):
        return ToolNotFound(said)
    if unknown:
        return ToolNotFound(said)
    return InvalidArguments(said) if refused.code == INVALID_PARAMS else None


async def explained_result(
    words: str, shown: str, catalogue: Catalogue | None, tool: str, arguments: dict[str, Any]
) -> GatewayError | None:
    """Explain a failed result that only says that there is no such tool, or that the arguments do not fit.

    None for any other: the tool ran, and what it says is the answer.
    """
    said = f"It said: {shown}"
    unknown = _UNKNOWN.search(words) is not None
    if catalogue is None:
        if unknown and tool in words:
            return ToolNotFound(said)
        refused = re.match(_REFUSED_BY_SDK % re.escape(tool), words, re.IGNORECASE) is not None
        return InvalidArguments(said) if refused else None
    if tool not in catalogue:
        return ToolNotFound(said) if unknown else None
    fields = await misfits(catalogue.schemas[tool], arguments)
    return InvalidArguments(said, fields=fields) if fields else None
