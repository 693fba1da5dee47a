"""Request and response headers that many operations share."""

from typing import Any

from gateway.retry_after import RETRY_AFTER_SECONDS_MAX

Header = dict[str, Any]

IDEMPOTENCY_KEY: Header = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A repeat by the same caller within 24 hours gets the first answer again, without the secret, and "
    "nothing is done twice. 1 to 255 printable ASCII characters.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x20-\\x7e]+$"},
    "example": "6f1c2c1e-8f0b-4d5a-9a53-0c8f2a1f7f10",
}
IF_MATCH: Header = {
    "name": "If-Match",
    "in": "header",
    "description": "The revision that the change is meant for, as in `ETag`, or several with commas between; `*`: any. "
    "When there is another one by now, nothing changes and the answer is 412.",
    "schema": {"type": "string", "pattern": '^(\\*|(W/)?"[\\x21\\x23-\\x7e]*"(, *(W/)?"[\\x21\\x23-\\x7e]*")*)$'},
    "example": '"3"',
}

REQUEST_HEADERS = {"IdempotencyKey": IDEMPOTENCY_KEY, "IfMatch": IF_MATCH}
"""`components.parameters`."""

_SECONDS: Header = {"type": "integer", "minimum": 1}
_COUNT: Header = {"type": "integer", "minimum": 0}

RESPONSE_HEADERS: dict[str, Header] = {
    "X-Request-Id": {
        "description": "The id of the request: the one that was sent in `X-Request-Id`, or a new one.",
        "required": True,
        "schema": {"type": "string", "minLength": 1, "maxLength": 128},
    },
    "ETag": {"description": "The revision in quotes, for If-Match.", "schema": {"type": "string"}, "example": '"3"'},
    "X-Revision": {"description": "The revision after the change.", "schema": {"type": "integer", "minimum": 1}},
    "Idempotency-Replayed": {
        "description": "This is the answer to an earlier request with the same Idempotency-Key.",
        "schema": {"const": "true"},
    },
    "Link": {"description": 'The address of the next page, as `rel="next"` (RFC 8288).', "schema": {"type": "string"}},
    "X-RateLimit-Limit": {"description": "Requests a second that the narrowest limit allows.", "schema": _COUNT},
    "X-RateLimit-Remaining": {"description": "How many more it allows at once.", "schema": _COUNT},
    "X-RateLimit-Reset": {
        "description": "When it allows all of them at once again, in unix seconds.",
        "schema": _COUNT,
    },
    "Retry-After": {"description": "When to try again, in seconds.", "required": True, "schema": _SECONDS},
    "Retry-After-Of-Server": {
        "description": "`Retry-After`, where the MCP server refused with HTTP 429 or 503 and said when to try again: "
        "in seconds, an hour at most.",
        "schema": {**_SECONDS, "maximum": RETRY_AFTER_SECONDS_MAX},
    },
    "WWW-Authenticate": {
        "description": "How to authenticate, and the grants that are missing (RFC 6750).",
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
