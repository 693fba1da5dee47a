"""OpenAPI operations that decide whether a key may be used."""

from app.api.api_keys import verify
from app.api.auth import check
from app.openapi import examples
from app.openapi.operation import Answer, Body, Operation, direct
from app.openapi.shapes.keys import KeyMayDo

_TAG = "Verification"
_MCP_ID = {
    "description": "The MCP server to be used. Without it, the response only shows whether the key is valid at all.",
    "pattern": "^mcp_[0-7][0-9a-hjkmnp-tv-z]{25}$",
}
_TOOL = {"description": "The tool of the MCP server to be used. Requires `mcp_id`."}
_DENIALS = ("mcp_not_permitted", "tool_not_permitted", "environment_mismatch", "not_found")

OPERATIONS: list[Operation] = [
    direct(
        "POST",
        "/v1/api-keys/verify",
        verify.verify_key,
        "keys:verify",
        tag=_TAG,
        summary="Verify a key",
        description="Decide whether the key in the body may be used. The status is 200 for every well-formed "
        "request; `valid` and `code` contain the decision. The use is recorded before the response is "
        "sent, and the decision uses no state older than the request.",
        body=Body(
            verify.Body,
            {
                "key": {"description": "The complete secret, as the client presented it.", "format": "password"},
                "mcp_id": _MCP_ID,
                "tool": _TOOL,
                "ip": {
                    "description": "The address that the key was presented from: one IPv4 or IPv6 address, without "
                    "a port and without the brackets of IPv6. The use records the canonical form."
                },
                "user_agent": {"description": "The User-Agent of the client that presented the key."},
            },
            {"key": examples.SECRET, "mcp_id": examples.MCP_ID, "tool": "get_page"},
            {"dependentRequired": {"tool": ["mcp_id"]}},
        ),
        answer=Answer(
            verify.VerifyResponse,
            {
                "valid": True,
                "code": "valid",
                "key_id": examples.KEY_ID,
                "organization_id": examples.ORGANIZATION_ID,
                "name": "My agent",
                "environment": "live",
                "permissions": examples.PERMISSIONS,
                "revision": 3,
                "event_id": examples.EVENT_ID,
            },
        ),
    ),
    direct(
        "GET",
        "/v1/auth/check",
        check.check_key,
        "any key",
        tag=_TAG,
        summary="Check the caller's key",
        description="The same decision for a reverse proxy (nginx `auth_request`, Traefik and Caddy forward-auth). "
        "`mcp_id` or `organization_id` is required: without either, keys of every organization would be "
        "admitted.",
        query=check.Query,
        query_fields={
            "mcp_id": _MCP_ID,
            "organization_id": {
                "description": "The organization whose keys are admitted. A key of another organization is unknown.",
                "pattern": "^org_[0-7][0-9a-hjkmnp-tv-z]{25}$",
            },
            "tool": _TOOL,
        },
        answer=Answer(
            KeyMayDo,
            {"valid": True},
            headers={
                "X-Key-Id": "The id of the key.",
                "X-Key-Name": "The name of the key, with characters percent-encoded that a header cannot contain.",
                "X-Organization-Id": "The id of the key's organization.",
                "X-Key-Environment": "Live or test.",
            },
        ),
        errors=_DENIALS,
    ),
]
