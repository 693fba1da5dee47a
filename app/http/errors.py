"""Every way a request can fail: the error codes of the API, and how anything that was raised becomes one of them.

The body speaks to two kinds of client: RFC 9457 (`type title status detail`) and plain `success: false, error: {…}`.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import structlog

from domain.grants import GRANTS
from domain.refusal import Refusal
from domain.secret import redacted
from eventstore.errors import ConcurrentChange, IdempotencyInFlight, IdempotencyMismatch
from gateway.errors import GatewayError, InvalidArguments, TooManyCalls
from infrastructure.database.errors import UNAVAILABLE, StorageError, Unavailable, Unconfirmed

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = "1"

_log = structlog.get_logger(__name__)


class ErrorCode(NamedTuple):
    """An error code: its HTTP status, what it is called, and what to do about it (shown at its `type` address)."""

    status: int
    title: str
    explanation: str


ERRORS: dict[str, ErrorCode] = {
    "unauthorized": ErrorCode(
        401,
        "Unauthorized",
        "No API key was sent, or it is malformed or unknown: send it as Authorization: Bearer pk_live_… "
        "The session of a person has ended, or their link does not work any more: sign in again.",
    ),
    "expired_key": ErrorCode(401, "Expired key", "The key is past its expiry. Create a new key."),
    "revoked_key": ErrorCode(
        401,
        "Revoked key",
        "The key was revoked, or this secret was replaced by a rotation. Use the new secret or a new key.",
    ),
    "disabled_key": ErrorCode(
        401, "Disabled key", "The key is disabled for the time being. Enable it to use it again."
    ),
    "forbidden": ErrorCode(
        403,
        "Forbidden",
        "The caller may not do this. details.required names the missing grants, or the role owner, where that is why.",
    ),
    "mcp_not_permitted": ErrorCode(
        403,
        "MCP not permitted",
        "No permission of the key names this MCP, or the MCP is inactive. Change the one or the other.",
    ),
    "tool_not_permitted": ErrorCode(
        403, "Tool not permitted", "The key may not call this tool. Change its permissions."
    ),
    "environment_mismatch": ErrorCode(
        403,
        "Environment mismatch",
        "Test keys reach test MCPs, live keys live ones, unless the key lists the MCP by id.",
    ),
    "ip_not_permitted": ErrorCode(
        403, "Address not permitted", "The key works only from the networks in its allowed_ips."
    ),
    "key_limit_reached": ErrorCode(
        403, "Key limit reached", "The plan allows no more API keys. Revoke one or change the plan."
    ),
    "mcp_limit_reached": ErrorCode(
        403, "MCP limit reached", "The plan allows no more MCPs. Delete one or change the plan."
    ),
    "member_limit_reached": ErrorCode(403, "Member limit reached", "The plan allows no more members."),
    "not_found": ErrorCode(404, "Not found", "There is nothing here that the caller may see."),
    "method_not_allowed": ErrorCode(
        405, "Method not allowed", "This address does not answer to this method; see Allow."
    ),
    "already_exists": ErrorCode(409, "Already exists", "Something of this name is there already."),
    "conflict": ErrorCode(
        409, "Conflict", "The state of the resource does not allow this, or someone else changed it meanwhile."
    ),
    "idempotency_in_flight": ErrorCode(
        409, "Request in flight", "A request with this Idempotency-Key is still running. Repeat in a moment."
    ),
    "revision_mismatch": ErrorCode(
        412, "Revision mismatch", "The resource changed since the revision in If-Match. Read it again."
    ),
    "payload_too_large": ErrorCode(413, "Payload too large", "A body has at most 1 MiB."),
    "unsupported_media_type": ErrorCode(415, "Unsupported media type", "Send Content-Type: application/json."),
    "validation_error": ErrorCode(
        422, "Validation error", "Some fields are not valid; details names each with the remedy."
    ),
    "idempotency_mismatch": ErrorCode(
        422, "Idempotency mismatch", "This Idempotency-Key was used for another request. Use a new one."
    ),
    "invalid_arguments": ErrorCode(
        422, "Invalid arguments", "The tool does not take these arguments; details names each."
    ),
    "invalid_request": ErrorCode(
        400, "Invalid request", "The request can not be read: not JSON, or not a JSON object."
    ),
    "rate_limited": ErrorCode(
        429,
        "Rate limited",
        "Too many requests, or too many calls to one MCP server. Retry-After says when to go on.",
    ),
    "quota_exceeded": ErrorCode(429, "Quota exceeded", "The plan's requests of this month are used up."),
    "internal_error": ErrorCode(500, "Internal error", "Something is wrong on our side. Quote the request id."),
    "mcp_error": ErrorCode(502, "MCP error", "The MCP server did not give a proper answer."),
    "mcp_unreachable": ErrorCode(502, "MCP unreachable", "No connection to the MCP server could be made."),
    "unavailable": ErrorCode(
        503,
        "Unavailable",
        "The log cannot be written, and nothing is accepted that cannot be recorded. details.outcome says what became "
        "of the request: not_recorded (nothing happened, repeat it) or unknown (a change was sent and not confirmed: "
        "look it up, or repeat the request with the same Idempotency-Key).",
    ),
    "mcp_timeout": ErrorCode(
        504, "MCP timeout", "The MCP server did not answer in time; it may still do what was asked."
    ),
}


class Problem(Exception):
    """A request that is answered with an error: `code` out of `CODES`, and what is to be said about this one."""

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        details: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.code = code
        self.detail = detail or ERRORS[code].explanation
        self.details = details or {}
        self.headers = dict(headers or {})
        super().__init__(self.detail)

    @property
    def status(self) -> int:
        return ERRORS[self.code].status


def to_problem(error: BaseException) -> Problem:  # noqa: PLR0911 -- one line a family of errors
    """The answer to whatever was raised. What is not foreseen becomes `internal_error` and is logged with its cause."""
    match error:
        case Problem():
            return error
        case Refusal():
            return _forbidden(error) if error.code == "forbidden" else Problem(error.code, error.message, error.details)
        case GatewayError():
            return _of_gateway(error)
        case IdempotencyInFlight():
            return Problem("idempotency_in_flight", str(error), headers={"Retry-After": RETRY_AFTER_SECONDS})
        case IdempotencyMismatch():
            return Problem("idempotency_mismatch", str(error))
        case ConcurrentChange():
            return Problem("conflict", str(error))
        case Unavailable():
            return _unavailable(error)
        case StorageError():
            return _internal(error)
        case _ if isinstance(error, UNAVAILABLE):
            # Whatever sends a change raises `Unconfirmed` itself: this is from before that.
            return _unavailable(Unavailable())
        case _:
            return _internal(error)


def missing_grant(grant: str) -> Problem:
    """403 for a caller whose key lacks a management grant (RFC 6750 §3.1)."""
    return Problem(
        "forbidden",
        f"This needs the management grant {grant}.",
        {"required": [grant]},
        {"WWW-Authenticate": f'Bearer realm="keyledger", error="insufficient_scope", scope="{grant}"'},
    )


def unauthorized(code: str, *, presented: bool, detail: str | None = None) -> Problem:
    """401, saying whether a credential was sent at all (RFC 6750 §3)."""
    challenge = 'Bearer realm="keyledger"' + (', error="invalid_token"' if presented else "")
    return Problem(code, detail, headers={"WWW-Authenticate": challenge})


def problem_json(problem: Problem, *, request_id: str, public_url: str) -> bytes:
    """The JSON of the response. What it quotes of the request may be a secret in the wrong place: none is repeated."""
    code = ERRORS[problem.code]
    detail = redacted(problem.detail)
    error: dict[str, Any] = {"code": problem.code, "message": detail, "request_id": request_id}
    if problem.details:
        error["details"] = redacted(problem.details)
    return msgspec.json.encode(
        {
            "type": f"{public_url}/problems/{problem.code}",
            "title": code.title,
            "status": code.status,
            "detail": detail,
            "success": False,
            "error": error,
        }
    )


def _forbidden(refusal: Refusal) -> Problem:
    required = refusal.details.get("required")
    grants = [grant for grant in GRANTS if isinstance(required, list) and grant in required]
    if not grants:
        # A role is nothing that a token could have as its scope.
        return Problem("forbidden", refusal.message, refusal.details)
    scope = " ".join(sorted(grants))
    challenge = f'Bearer realm="keyledger", error="insufficient_scope", scope="{scope}"'
    return Problem("forbidden", refusal.message, refusal.details, {"WWW-Authenticate": challenge})


def _of_gateway(error: GatewayError) -> Problem:
    fields = error.fields if isinstance(error, InvalidArguments) else None
    after = RETRY_AFTER_SECONDS if isinstance(error, TooManyCalls) else error.retry_after_seconds
    return Problem(error.code, str(error), fields, None if after is None else {"Retry-After": str(after)})


def _unavailable(error: Unavailable) -> Problem:
    if isinstance(error, UNAVAILABLE):
        error = Unavailable()  # what the driver says is for the operator
    details: dict[str, object] = {"outcome": error.outcome}
    if isinstance(error, Unconfirmed) and error.resource_id is not None:
        details["resource_id"] = error.resource_id
    return Problem("unavailable", str(error), details, {"Retry-After": RETRY_AFTER_SECONDS})


def _internal(error: BaseException) -> Problem:
    _log.error("internal_error", exc_info=error)
    return Problem("internal_error")
