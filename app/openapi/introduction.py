"""Introduction of the OpenAPI document."""

from typing import Any

API_VERSION = "0.1.0"

INFO: dict[str, Any] = {
    "title": "Keyledger",
    "version": API_VERSION,
    "summary": "API keys for MCP servers: durable, immediate, provable.",
    "description": """\
Organizations reach MCP servers through a gateway and authenticate with API keys. This API creates, limits, rotates and
revokes keys, verifies what a key may do, and calls tools on behalf of key holders.

**Responses.** A success is `{"success": true, "data": …}`; lists have an additional `pagination`. Every error is
`application/problem+json` (RFC 9457), and its `type` is a URL that explains the error code.

**Credentials.** Send a key in `Authorization: Bearer pk_live_…` or `X-API-Key`. If a proxy uses one of the two headers
for its own credential, the header that contains a key counts; two different keys are refused with 401. The grants of a
key, `permissions.manage`, define what it may manage; by default it may manage nothing. Users sign in and have a session
cookie; their changes also require the CSRF token.

**Order of checks.** The URL and the method are checked first (404, 405). Then the key is checked: whether it is known
and active, its networks, its grants and the limits (401, 403, 429). Only then is the rest of the request checked: its
size, its content type, its fields, `If-Match`, and the resources that it names (413, 415, 400, 422, 412, 404). An
invalid request with an accepted key counts against the limits per second. It is recorded as denied with
`invalid_request`, and it is not billed.

**Unknown fields** in bodies, and unknown or repeated query parameters, are refused with 422 by name.

**Paging.** Lists can be read by `page`, or by `cursor`, which stays correct while the list grows.

**Retries.** `Idempotency-Key` makes it safe to repeat a request after a lost response. `If-Match` prevents two users
from overwriting each other's changes.

**Limits.** Responses to a key have `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset`. On a 429 or
503, wait for the number of seconds in `Retry-After`. Bodies have at most 1 MiB.
""",
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
}

SERVERS: list[dict[str, Any]] = [{"url": "/", "description": "The service that served this document."}]

TAGS: list[dict[str, Any]] = [
    {"name": "Keys", "description": "API keys: create, list, update, rotate and revoke them."},
    {
        "name": "Verification",
        "description": "Decide whether a key may be used. The use is recorded before the response is sent.",
    },
    {"name": "MCP servers", "description": "The MCP servers that the keys of the organization can reach."},
    {"name": "Calls", "description": "Tools and resources of MCP servers, on behalf of key holders."},
    {"name": "Organization", "description": "The caller's organization, its plan and its limits."},
    {"name": "Members", "description": "The members of the organization, their roles and invitations."},
    {"name": "Sessions", "description": "Sign-in and sign-out."},
    {"name": "Alerts", "description": "Warnings about keys, usage and webhooks."},
    {"name": "Leaked keys", "description": "Reports of keys that were found in public."},
    {"name": "Webhooks", "description": "URLs that receive events."},
    {"name": "Usage", "description": "Usage by day, key, MCP server and tool."},
    {"name": "Activity", "description": "Uses of all keys, and explanations of decisions."},
    {"name": "Audit log", "description": "Every change in the organization, in the order of the log."},
    {"name": "Service", "description": "Health, metrics, this document and explanations of errors."},
]

SECURITY_SCHEMES: dict[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key: `Authorization: Bearer pk_live_…`."},
    "api_key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "An API key in the header `X-API-Key`.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-keyledger_session",
        "description": "The session of a signed-in user. Over plain HTTP on loopback, the name has no `__Host-` "
        "prefix.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRF-Token",
        "description": "The CSRF token of the session (`GET /v1/session`). Required for every change.",
    },
}


def _id(prefix: str, about: str) -> dict[str, Any]:
    body = "01jb2c3d4e5f6g7h8j9kmnpqrs"
    return {"description": about, "schema": {"type": "string"}, "example": f"{prefix}_{body}"}


PATH_PARAMETERS: dict[str, dict[str, Any]] = {
    "key_id": _id("key", "The id of a key of the organization."),
    "mcp_id": _id("mcp", "The id of an MCP server of the organization."),
    "user_id": _id("user", "The id of a member of the organization."),
    "invite_id": _id("invite", "The id of an invitation to the organization."),
    "session_id": _id("ses", "The id of a session of the caller."),
    "alert_id": _id("alert", "The id of an alert."),
    "event_id": _id("evt", "The id of an event."),
    "webhook_id": _id("hook", "The id of a webhook of the organization."),
    "delivery_id": _id("msg", "The id of a message to the webhook."),
    "code": {"description": "An error code.", "schema": {"type": "string"}, "example": "revoked_key"},
}
