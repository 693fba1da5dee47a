"""Conversion of every exception of a request to an error of `app/http/error_catalogue.py`.

The body serves two kinds of client: RFC 9457 (`type title status detail`) and plain `success: false, error: {…}`.
"""

from collections.abc import Mapping

import msgspec
import structlog
from msgspec import UNSET

from app.http.error_catalogue import ERRORS
from app.http.problem_details import ProblemDetails, ProblemError
from domain.grants import GRANTS
from domain.refusal import Refusal
from domain.secret import redacted
from eventstore.errors import ConcurrentChange, IdempotencyInFlight, IdempotencyMismatch
from gateway.errors import GatewayError, InvalidArguments, TooManyCalls
from infrastructure.database.errors import UNAVAILABLE, StorageError, Unavailable, Unconfirmed

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = "1"

_log = structlog.get_logger(__name__)


class Problem(Exception):
    """A request that gets an error: a `code` of the catalogue, and what is specific to this request."""

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        details: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.code = code
        self.detail = detail or ERRORS[code].message
        self.details = details or {}
        self.headers = dict(headers or {})
        super().__init__(self.detail)

    @property
    def status(self) -> int:
        return ERRORS[self.code].status


def invalid(details: Mapping[str, object] | None = None, /, **fields: object) -> Problem:
    """Return the 422 that names the rejected fields: `invalid(cursor="…")`, or a mapping of names to reasons."""
    return Problem("validation_error", "The request is not valid.", {**(details or {}), **fields})


def to_problem(error: BaseException) -> Problem:  # noqa: PLR0911 -- one return per family of errors
    """Return the problem for an exception. An unexpected one becomes `internal_error` and is logged with its cause."""
    match error:
        case Problem():
            return error
        case Refusal():
            return _forbidden(error) if error.code == "forbidden" else Problem(error.code, error.message, error.details)
        case GatewayError():
            return _gateway_problem(error)
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
            # Code that sends a change raises `Unconfirmed` itself, so this error occurred before the change was sent.
            return _unavailable(Unavailable())
        case _:
            return _internal(error)


def missing_grant(grant: str) -> Problem:
    """Return a 403 for a caller that lacks a management grant (RFC 6750 §3.1)."""
    return Problem(
        "forbidden",
        f"This request requires the management grant {grant}.",
        {"required": [grant]},
        {"WWW-Authenticate": f'Bearer realm="keyledger", error="insufficient_scope", scope="{grant}"'},
    )


def unauthorized(code: str, *, presented: bool, detail: str | None = None) -> Problem:
    """Return a 401 whose challenge shows whether a credential was sent (RFC 6750 §3)."""
    challenge = 'Bearer realm="keyledger"' + (', error="invalid_token"' if presented else "")
    return Problem(code, detail, headers={"WWW-Authenticate": challenge})


def different_keys() -> Problem:
    """Return the 401 for a request with several keys: a proxy may have checked one of them while the other counts."""
    detail = "The request contains different API keys. Send one, in Authorization or in X-API-Key."
    return unauthorized("unauthorized", presented=True, detail=detail)


def problem_json(problem: Problem, *, request_id: str, public_url: str) -> bytes:
    """Return the JSON of the response, with secrets redacted: a request may contain one in the wrong field."""
    code = ERRORS[problem.code]
    detail = redacted(problem.detail)
    details = redacted(problem.details) if problem.details else UNSET
    return msgspec.json.encode(
        ProblemDetails(
            type=f"{public_url}/problems/{problem.code}",
            title=code.title,
            status=code.status,
            detail=detail,
            success=False,
            error=ProblemError(problem.code, detail, request_id, details),
        )
    )


def _forbidden(refusal: Refusal) -> Problem:
    required = refusal.details.get("required")
    grants = [grant for grant in GRANTS if isinstance(required, list) and grant in required]
    if not grants:
        # A role is not an OAuth scope, so the response has no challenge.
        return Problem("forbidden", refusal.message, refusal.details)
    scope = " ".join(sorted(grants))
    challenge = f'Bearer realm="keyledger", error="insufficient_scope", scope="{scope}"'
    return Problem("forbidden", refusal.message, refusal.details, {"WWW-Authenticate": challenge})


def _gateway_problem(error: GatewayError) -> Problem:
    fields = error.fields if isinstance(error, InvalidArguments) else None
    after = RETRY_AFTER_SECONDS if isinstance(error, TooManyCalls) else error.retry_after_seconds
    return Problem(error.code, str(error), fields, None if after is None else {"Retry-After": str(after)})


def _unavailable(error: Unavailable) -> Problem:
    if isinstance(error, UNAVAILABLE):
        error = Unavailable()  # the driver's message is for the operator only
    details: dict[str, object] = {"outcome": error.outcome}
    if isinstance(error, Unconfirmed) and error.resource_id is not None:
        details["resource_id"] = error.resource_id
    return Problem("unavailable", str(error), details, {"Retry-After": RETRY_AFTER_SECONDS})


def _internal(error: BaseException) -> Problem:
    _log.error("internal_error", exc_info=error)
    return Problem("internal_error")
