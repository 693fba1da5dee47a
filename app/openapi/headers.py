"""Request and response headers that many operations share."""

from typing import Any

from gateway.retry_after import RETRY_AFTER_SECONDS_MAX

Header = dict[str, Any]

IDEMPOTENCY_KEY: Header = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A repeated request by the same caller within 24 hours gets the first response again, without "
    "the secret, and changes nothing. 1 to 255 printable ASCII characters.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x20-\\x7e]+$"},
    "example": "6f1c2c1e-8f0b-4d5a-9a53-0c8f2a1f7f10",
}
IF_MATCH: Header = {
    "name": "If-Match",
    "in": "header",
    "description": "The expected revision, as in `ETag`, or several separated by commas; `*`: any. If the current "
    "revision is a different one, nothing changes and the response is 412.",
    "schema": {"type": "string", "pattern": '^(\\*|(W/)?"[\\x21\\x23-\\x7e]*"(, *(W/)?"[\\x21\\x23-\\x7e]*")*)$'},
    "example": '"3"',
}

REQUEST_HEADERS = {"IdempotencyKey": IDEMPOTENCY_KEY, "IfMatch": IF_MATCH}
"""`components.parameters`."""

_SECONDS: Header = {"type": "integer", "minimum": 1}
_COUNT: Header = {"type": "integer", "minimum": 0}

RESPONSE_HEADERS: dict[str, Header] = {
    "X-Request-Id": {
        "description": "The id of the request: the value of `X-Request-Id` in the request, or a new id.",
        "required": True,
        "schema": {"type": "string", "minLength": 1, "maxLength": 128},
    },
    "ETag": {"description": "The revision in quotes, for If-Match.", "schema": {"type": "string"}, "example": '"3"'},
    "X-Revision": {"description": "The revision after the change.", "schema": {"type": "integer", "minimum": 1}},
    "Idempotency-Replayed": {
        "description": "This is the response to an earlier request with the same Idempotency-Key.",
        "schema": {"const": "true"},
    },
    "Link": {"description": 'The URL of the next page, as `rel="next"` (RFC 8288).', "schema": {"type": "string"}},
    "X-RateLimit-Limit": {
        "description": "The number of requests per second that the tightest limit allows.",
        "schema": _COUNT,
    },
    "X-RateLimit-Remaining": {"description": "The number of requests that are possible immediately.", "schema": _COUNT},
    "X-RateLimit-Reset": {
        "description": "The time at which the full burst is available again, in Unix seconds.",
        "schema": _COUNT,
    },
    "Retry-After": {
        "description": "The number of seconds to wait before a retry.",
        "required": True,
        "schema": _SECONDS,
    },
    "Retry-After-Of-Server": {
        "description": "`Retry-After` of the MCP server, if it refused the call with HTTP 429 or 503 and sent one: "
        "in seconds, at most an hour.",
        "schema": {**_SECONDS, "maximum": RETRY_AFTER_SECONDS_MAX},
    },
    "WWW-Authenticate": {
        "description": "The authentication scheme, and the missing grants (RFC 6750).",
        "schema": {"type": "string"},
        "example": 'Bearer realm="keyledger"',
    },
}
"""`components.headers`."""

LIMITS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
"""Headers of every response to a key with a rate limit."""


def reference(*names: str) -> dict[str, Header]:
    """Return references to the named headers for use in a response."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
