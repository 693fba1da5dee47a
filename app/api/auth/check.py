"""GET /v1/auth/check: decide for a reverse proxy (nginx auth_request, Traefik and Caddy forward-auth).

The key is in the caller's own headers. The response is a status with headers for the upstream. `mcp_id` or
`organization_id` is required: without either, the proxy would admit the keys of every organization.
"""

from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from app.api.api_keys.verify import Tool, validate_target
from app.auth.callers import access_request
from app.http.decoding import read_query
from app.http.errors import Problem, invalid
from app.http.messages import RawRequest, RawResponse
from app.services import Services
from app.verification.authenticate import authenticate, raise_if_denied, raise_if_invalid
from app.verification.requests import Authenticate
from domain.ids import is_id

_PRINTABLE = "".join(chr(c) for c in range(ord(" "), ord("~") + 1) if chr(c) != "%")


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    """A key of an organization other than `organization_id` is unknown. The MCP must be in the key's organization."""

    mcp_id: str | None = None
    organization_id: str | None = None
    tool: Tool | None = None


async def check_key(inbound: RawRequest, services: Services) -> RawResponse:
    key_only = access_request(inbound, "check")
    try:
        query = _query(inbound)
    except Problem as problem:
        await raise_if_invalid(inbound, services.verification, key_only, problem)
    presented = replace(key_only, mcp_id=query.mcp_id, tool=query.tool, organization_id=query.organization_id)
    key = raise_if_denied(await authenticate(inbound, services.verification, Authenticate(presented)), presented)
    headers = {
        "X-Key-Id": key.id,
        "X-Key-Name": _header_text(key.name),
        "X-Organization-Id": key.organization_id,
        "X-Key-Environment": key.environment,
    }
    return RawResponse(200, b'{"success":true,"data":{"valid":true}}', headers)


def _query(inbound: RawRequest) -> Query:
    inbound.refuse_unread()
    query = read_query(inbound.query, Query)
    validate_target(query.mcp_id, query.tool)
    if query.organization_id is not None and not is_id("org", query.organization_id):
        problem = "Must be the id of an organization, such as org_… with 26 characters"
        raise invalid(organization_id=problem)
    if query.mcp_id is None and query.organization_id is None:
        problem = "Required: mcp_id or organization_id. Without either, keys of every organization would be admitted"
        raise invalid(mcp_id=problem)
    return query


def _header_text(name: str) -> str:
    """Return the name percent-encoded: it may contain characters that a header value cannot (RFC 9110 §5.5)."""
    return quote(name, safe=_PRINTABLE)
