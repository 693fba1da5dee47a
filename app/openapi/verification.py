"""OpenAPI operations that decide whether a key may be used."""

from app.api.api_keys import verify
from app.api.auth import check
from app.openapi import examples
from app.openapi.operation import Answer, Body, Operation, direct
from app.openapi.shapes.keys import KeyMayDo

_TAG = "Verification"
_MCP_ID = {
    "description": "For this MCP server; without it, whether the key is valid at all.",
    "pattern": "^mcp_[0-7][0-9a-hjkmnp-tv-z]{25}$",
}
_TOOL = {"description": "For this tool of it. Needs `mcp_id`."}
_DENIALS = ("mcp_not_permitted", "tool_not_permitted", "environment_mismatch", "not_found")

OPERATIONS: list[Operation] = [
    direct(
        "POST",
        "/v1/api-keys/verify",
        verify.verify_key,
        "keys:verify",
        tag=_TAG,
        summary="Verify a key",
        description="Whether the key in the body may do this. 200 for every well-formed question; the verdict is in "
        "`valid` and `code`. The use is in the log before the answer, and no state is older than the question.",
        body=Body(
            verify.Body,
            {
                "key": {"description": "The whole secret, as somebody presented it.", "format": "password"},
                "mcp_id": _MCP_ID,
                "tool": _TOOL,
                "ip": {
                    "description": "The address from which the key was presented: one IPv4 or IPv6 address. A port and "
                    "the brackets of IPv6 are left out; the use records the canonical form."
                },
                "user_agent": {"description": "What presented it calls itself."},
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
        "`mcp_id` or `organization_id` is required: without one, keys of every organization would be admitted.",
        query=check.Query,
        query_fields={
            "mcp_id": _MCP_ID,
            "organization_id": {
                "description": "The organization whose keys are admitted. A key of another one is unknown.",
                "pattern": "^org_[0-7][0-9a-hjkmnp-tv-z]{25}$",
            },
            "tool": _TOOL,
        },
        answer=Answer(
            KeyMayDo,
            {"valid": True},
            headers={
                "X-Key-Id": "The id of the key.",
                "X-Key-Name": "Its name, percent-encoded where a header can not hold it.",
                "X-Organization-Id": "The id of its organization.",
                "X-Key-Environment": "Live or test.",
            },
        ),
        errors=_DENIALS,
    ),
]
