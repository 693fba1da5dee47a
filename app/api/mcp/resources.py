"""POST /v1/mcp/resources: reads a resource of an MCP server for the holder of a key.

The use names no tool, so the key's rules about tools do not stand in its way; the end is recorded as `resources/read`,
the method of the protocol. What the URI is, which may say a lot, is not recorded.
"""

import re

from msgspec import Raw, Struct

from app.api.api_keys.verify import check_target, refuse_parameters
from app.api.mcp.call import TIMEOUT_MS_DEFAULT, authorised
from app.api.mcp.once import once, repeatable
from app.exchange import Inbound, Outbound
from app.payload import encode, read_body
from app.problems import Problem
from app.security.admission import refuse_invalid
from app.security.callers import presentation
from app.services import Services
from gateway.gateway import Gateway
from gateway.results import Resource
from gateway.way import Way

METHOD = "resources/read"

# RFC 3986 section 3: a scheme and what belongs to it, in the characters that a URI consists of.
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{0,63}:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%{}]{1,2000}")


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    mcp_id: str
    uri: str


async def read_resource(inbound: Inbound, services: Services) -> Outbound:
    unread = presentation(inbound, "call")
    try:
        wanted, request = _wanted(inbound), repeatable(inbound)
    except Problem as problem:
        await refuse_invalid(inbound, services, unread, problem)
    call = await authorised(inbound, services, wanted.mcp_id, None, named=METHOD, timeout_ms=TIMEOUT_MS_DEFAULT)

    async def ask(gateway: Gateway, way: Way, timeout_seconds: float) -> Resource:
        return await gateway.read_resource(way.upstream, wanted.uri, timeout_seconds=timeout_seconds)

    async def make() -> bytes:
        result = await call.carry_out(ask)
        return encode({"success": True, "data": {"contents": Raw(result.encoded)}})

    return await once(call, inbound, request, make)


def _wanted(inbound: Inbound) -> Body:
    refuse_parameters(inbound)
    wanted = read_body(inbound.body, inbound.header("content-type") or "", Body)
    check_target(wanted.mcp_id, None)
    if not URI.fullmatch(wanted.uri):
        details = {"uri": "Must be a URI of at most 2000 characters in ASCII, such as file:///notes.txt"}
        raise Problem("validation_error", "The request is not valid.", details)
    return wanted
