"""The error responses of a route: its codes grouped by status, each with an example."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import UNSET

from app.http.error_catalogue import ERRORS
from app.http.errors import CONTENT_TYPE
from app.http.problem_details import ProblemDetails, ProblemError
from app.openapi.headers import reference
from app.route import Route

REQUEST_ID = "req_5f1d7c0a9b3e4c2d8f6a1b2c"

_NOT_ALIVE = ("unauthorized", "expired_key", "revoked_key", "disabled_key")
_LIMITED = ("rate_limited", "quota_exceeded")


def codes_of(route: Route) -> list[str]:
    """Return every error code of the route, in the order of the contract's table."""
    codes = {"invalid_request", "validation_error", "payload_too_large", "internal_error", "unavailable"}
    codes |= set(route.errors)
    if route.access != "anyone":
        codes |= {*_NOT_ALIVE, "forbidden", "ip_not_permitted", *_LIMITED}
    if route.method != "GET":  # a body is refused even where none is read
        codes |= {"unsupported_media_type"}
    if route.path_parameters:
        codes |= {"not_found"}
    if route.if_match:
        codes |= {"revision_mismatch"}
    if route.idempotent:
        codes |= {"idempotency_in_flight", "idempotency_mismatch"}
    if route.has_revision and route.method != "GET":
        codes |= {"conflict"}
    return [code for code in ERRORS if code in codes]


def component_of(codes: Sequence[str]) -> str:
    """Return the name of the response with these codes in `components.responses`."""
    return "Or".join("".join(part.capitalize() for part in code.split("_")) for code in codes)


def response(codes: Sequence[str]) -> dict[str, Any]:
    """Return the response for these codes, which share one status."""
    return {
        "description": " ".join(f"`{code}`: {ERRORS[code].meaning} {ERRORS[code].remedy}" for code in codes),
        "headers": _headers(ERRORS[codes[0]].status),
        "content": {
            CONTENT_TYPE: {
                "schema": {
                    "allOf": [
                        {"$ref": "#/components/schemas/ProblemDetails"},
                        {"properties": {"error": _with_code(codes)}},
                    ]
                },
                "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
            }
        },
    }


def examples(codes: Iterable[str]) -> dict[str, Any]:
    """Return `components.examples`: one error response for each code."""
    return {code: {"summary": ERRORS[code].title, "value": _example(code)} for code in sorted(codes)}


_HEADERS: dict[int, tuple[str, ...]] = {
    401: ("WWW-Authenticate",),
    403: ("WWW-Authenticate",),
    429: ("Retry-After", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"),
    503: ("Retry-After",),
}


def _headers(status: int) -> dict[str, Any]:
    headers = reference("X-Request-Id", *_HEADERS.get(status, ()))
    if status == HTTPStatus.BAD_GATEWAY:
        (headers["Retry-After"],) = reference("Retry-After-Of-Server").values()
    return headers


def _with_code(codes: Sequence[str]) -> dict[str, Any]:
    # ProblemDetails describes the rest of the object. Without this, strict readers would reject all members but `code`.
    return {"properties": {"code": {"enum": list(codes)}}, "additionalProperties": True}


def _example(code: str) -> dict[str, Any]:
    known = ERRORS[code]
    details = UNSET if known.details is None else known.details
    problem = ProblemDetails(
        type=f"https://keys.example.com/problems/{code}",
        title=known.title,
        status=known.status,
        detail=known.message,
        success=False,
        error=ProblemError(code, known.message, REQUEST_ID, details),
    )
    return msgspec.to_builtins(problem)
