"""Introduction of the OpenAPI document."""

from typing import Any

API_VERSION = "0.1.0"

INFO: dict[str, Any] = {
    "title": "Keyledger",
    "version": API_VERSION,
    "summary": "API keys for MCP servers: durable, immediate, provable.",
    "description": """\
Organizations reach MCP servers through a gateway and authenticate with API keys. This API makes keys, limits, rotates
and revokes them, says whether a key may do something, and calls tools for its holder.

**Answers.** Success is `{"success": true, "data": …}`, lists have `pagination` beside it. Every failure is
`application/problem+json` (RFC 9457), and its `type` is an address that explains the code.

**Credentials.** A key goes into `Authorization: Bearer pk_live_…` or `X-API-Key`. The header that contains a key
counts, whatever a proxy puts into the other; two different keys are refused with 401. What a key may manage is in its
grants, `permissions.manage`, and by default it may manage nothing. People sign in and have a session cookie; what
changes something then needs the CSRF token too.

**Order of checks.** Address and method come first (404, 405). Then the key is judged: whether it is known and active,
its networks, its grants, and the limits (401, 403, 429). Only then the rest of the request is looked at: its size, its
type, its fields, `If-Match`, and what it names (413, 415, 400, 422, 412, 404). A key that is let in with a request that
is not valid counts against the limits a second, is recorded as denied with `invalid_request`, and is not billed.

**Unknown fields** in bodies and unknown or repeated query parameters are refused with 422, by name.

**Paging.** Lists are read by `page`, or by `cursor`, which stays right while the list grows.

**Repeats.** `Idempotency-Key` makes a lost answer harmless; `If-Match` keeps two people from overwriting each other.

**Limits.** Answers to a key have `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset`; 429 and 503 say
in `Retry-After` when to try again. Bodies have at most 1 MiB.
""",
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
}

SERVERS: list[dict[str, Any]] = [{"url": "/", "description": "The service that this document came from."}]

TAGS: list[dict[str, Any]] = [
    {"name": "Keys", "description": "API keys: make, list, change, rotate, revoke."},
    {"name": "Verification", "description": "May this key do this? The use is in the log before the answer."},
    {"name": "MCP servers", "description": "The servers that the keys of the organization can reach."},
    {"name": "Calls", "description": "Tools and resources of MCP servers, for the holder of a key."},
    {"name": "Organization", "description": "The organization of the caller, its plan and its limits."},
    {"name": "Members", "description": "The people of the organization, their roles and invitations."},
    {"name": "Sessions", "description": "Signing in and out."},
    {"name": "Alerts", "description": "What the organization was warned of."},
    {"name": "Webhooks", "description": "Addresses that are told what happens."},
    {"name": "Usage", "description": "How much was used, of what, by which key."},
    {"name": "Audit log", "description": "Everything that happened, as it stands in the log."},
    {"name": "Service", "description": "Health, metrics, this document, and the explanations of errors."},
]

SECURITY_SCHEMES: dict[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key: `Authorization: Bearer pk_live_…`."},
    "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same in another header."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-keyledger_session",
        "description": "The session of a person who signed in. Over plain http on loopback the name has no `__Host-`.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRF-Token",
        "description": "The CSRF token of the session (`GET /v1/session`), with whatever changes something.",
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
