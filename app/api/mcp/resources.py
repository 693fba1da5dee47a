"""POST /v1/mcp/resources: read a resource of an MCP server on behalf of a key holder.

The use names no tool, so the key's tool rules do not apply. The end is recorded as `resources/read`, the method of the
protocol. The URI is not recorded, because it may contain sensitive data.
"""

import re
from typing import Annotated

from msgspec import Meta, Raw, Struct

from app.api import examples
from app.api.api_keys.verify import validate_target
from app.api.mcp.call import TIMEOUT_MS_DEFAULT, authorize
from app.api.mcp.idempotent_call import call_once, repeatable
from app.api.mcp.schemas import CALL_ERRORS, McpToCall
from app.auth.callers import access_request
from app.handlers import encode_success
from app.http.decoding import read_body, refuse_parameters
from app.http.errors import Problem, invalid
from app.http.messages import RawRequest, RawResponse
from app.route import Route
from app.services import Services
from app.verification.authenticate import raise_if_invalid
from gateway.gateway import Gateway
from gateway.mcp_target import McpTarget
from gateway.results import Resource

METHOD = "resources/read"

# RFC 3986 section 3: a scheme and the rest, restricted to the characters that a URI may contain.
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{0,63}:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%{}]{1,2000}")


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    mcp_id: McpToCall
    uri: Annotated[
        str,
        Meta(description="A URI in ASCII, as listed by the server.", extra_json_schema={"pattern": f"^{URI.pattern}$"}),
    ]


class ResourceContents(Struct, frozen=True):
    """`contents` are the TextResourceContents and BlobResourceContents of the Model Context Protocol."""

    contents: Annotated[Raw, Meta(extra_json_schema={"type": "array", "items": {"type": "object"}})]


@Route(
    "POST",
    "/v1/mcp/resources",
    access="any key",
    tag="Calls",
    summary="Read a resource",
    description="Recorded like a call. The URI is not recorded.",
    body_example={"mcp_id": examples.MCP_ID, "uri": "wiki://home"},
    example=ResourceContents(Raw(b'[{"uri": "wiki://home", "mimeType": "text/plain", "text": "Welcome"}]')),
    errors=CALL_ERRORS,
    idempotent=True,
    direct=True,
    body=Body,
    response=ResourceContents,
)
async def read_resource(inbound: RawRequest, services: Services) -> RawResponse:
    key_only = access_request(inbound, "call")
    try:
        body, request = _read_request(inbound), repeatable(inbound)
    except Problem as problem:
        await raise_if_invalid(inbound, services.verification, key_only, problem)
    call = await authorize(inbound, services, body.mcp_id, None, named=METHOD, timeout_ms=TIMEOUT_MS_DEFAULT)

    async def ask(gateway: Gateway, target: McpTarget, timeout_seconds: float) -> Resource:
        return await gateway.read_resource(target.upstream, body.uri, timeout_seconds=timeout_seconds)

    async def make() -> bytes:
        result = await call.execute(ask)
        return encode_success(ResourceContents(Raw(result.encoded)))

    return await call_once(call, inbound, request, make)


def _read_request(inbound: RawRequest) -> Body:
    refuse_parameters(inbound.query)
    body = read_body(inbound.body, inbound.header("content-type") or "", Body)
    validate_target(body.mcp_id, None)
    if not URI.fullmatch(body.uri):
        details = {"uri": "Must be a URI of at most 2000 characters in ASCII, such as file:///notes.txt"}
        raise invalid(details)
    return body
