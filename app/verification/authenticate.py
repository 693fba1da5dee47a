"""Authentication of a caller by the key in the request, and the error response where it is denied.

The key is decided before the rest of the request is validated. A caller whose key is denied learns nothing about an
invalid request; an invalid request of an accepted key counts against its limits. Both are recorded.
"""

from collections.abc import Callable
from typing import NoReturn

from msgspec.structs import replace
from structlog.contextvars import bind_contextvars

from app.http.errors import Problem, different_keys, missing_grant, unauthorized
from app.http.messages import RawRequest
from app.verification.rate_limit_headers import quota_exceeded, rate_headers, rate_limited
from app.verification.requests import Authenticate, VerificationRequest, VerificationResult
from app.verification.unknown_secrets import sent_from, too_many_unknown
from app.verification.verification import Verification
from domain.keys.state import Key
from domain.usage.decision import AccessRequest


async def authenticate(
    inbound: RawRequest, verification: Verification, request: VerificationRequest
) -> VerificationResult:
    """Return the result, and add its rate limits to the headers of the response.

    Raise 429 without a lookup for a foreign secret from an address that presented too many unknown ones.
    """
    if request.caller.is_foreign:
        result = await _with_foreign_secret(inbound, verification, request)
    else:
        result = await verification.queue.submit(request)
    key = result.caller.key
    if key is not None:
        # Every later log line of the request contains the caller.
        bind_contextvars(organization_id=key.organization_id, key_id=key.id)
    if result.rate_limit is not None:
        inbound.reply_headers.update(rate_headers(result.rate_limit))
    return result


async def _with_foreign_secret(
    inbound: RawRequest, verification: Verification, request: VerificationRequest
) -> VerificationResult:
    """Return the result for a caller whose secret only the look-up can recognize."""
    origins, digest = sent_from(inbound.ip), request.caller.digest
    if wait := verification.unknown_secrets.wait_seconds(origins, digest):
        raise too_many_unknown(wait)
    result = await verification.queue.submit(request)
    known = result.caller.key is not None or result.caller.is_ambiguous
    verification.unknown_secrets.count(origins, digest, known=known)
    return result


async def raise_if_invalid(
    inbound: RawRequest,
    verification: Verification,
    presented: AccessRequest,
    problem: Problem,
    *,
    kind: Callable[[AccessRequest], VerificationRequest] = Authenticate,
) -> NoReturn:
    """Raise `problem` for an invalid request, or the denial of its key.

    `presented` names no MCP, because the request is not known. `kind` makes the request that presents the key.
    """
    presented = replace(presented, invalid=True)
    result = await authenticate(inbound, verification, kind(presented))
    if result.caller.code != "invalid_request":
        raise_if_denied(result, presented)
    raise problem


def raise_if_denied(result: VerificationResult, presented: AccessRequest) -> Key:
    """Return the accepted key of the caller, or raise the error for its denial."""
    decision = result.caller
    if decision.accepted and decision.key is not None:
        return decision.key
    if decision.is_ambiguous:
        raise different_keys()
    if decision.code in {"unauthorized", "expired_key", "revoked_key", "disabled_key"}:
        raise unauthorized(decision.code, presented=True)
    if decision.code == "forbidden" and presented.people_only:
        raise Problem("forbidden", "This endpoint requires a signed-in user. API keys are not accepted.")
    if decision.code == "forbidden" and presented.grant is not None:
        raise missing_grant(presented.grant)
    if decision.code == "rate_limited" and result.rate_limit is not None:
        raise rate_limited(result.rate_limit)
    if decision.code == "quota_exceeded" and result.quota is not None:
        raise quota_exceeded(result.quota, result.at)
    raise Problem(decision.code)
